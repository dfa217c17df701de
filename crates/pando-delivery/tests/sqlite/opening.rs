//! Folders, files, locks and incarnations.

use crate::{get, open, put};
use pando_delivery::store::{OpenError, SqliteConfig, SqliteStore, Store, StoreError, Transaction};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn refused(folder: &Path, config: &SqliteConfig) -> OpenError {
    SqliteStore::open(folder, config).unwrap_err()
}

fn shard(folder: &Path, number: u16) -> std::path::PathBuf {
    folder.join(format!("shard-{number:03}.sqlite"))
}

#[tokio::test]
async fn a_store_is_opened_once() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::default();
    let store = open(folder.path(), &config);
    assert_eq!(refused(folder.path(), &config), OpenError::Locked);
    assert_eq!(SqliteStore::set_incarnation(folder.path(), 2), Err(OpenError::Locked));
    put(&store, b"a", b"key", b"value").await.unwrap();
    let id = store.id();
    drop(store);
    let store = open(folder.path(), &config);
    assert_eq!(get(&store, b"a", b"key").await, Some(b"value".to_vec()));
    assert_eq!((store.id(), store.incarnation()), (id, 1));
    assert_ne!(open(TempDir::new().unwrap().path(), &config).id(), id);
}

/// The function of a request owns the store, and drops it in the thread of the writer.
#[tokio::test]
async fn a_thread_of_the_store_can_drop_the_store() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::default();
    let store = open(folder.path(), &config);
    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (owned, of_request) = (Arc::clone(&store), Arc::clone(&store));
    let request = tokio::spawn(async move {
        let work = move |transaction: &mut dyn Transaction| {
            transaction.put(b"key", b"value")?;
            begun.send(()).unwrap();
            let _ = released.recv();
            drop(owned);
            Ok::<_, StoreError>(())
        };
        of_request.write(b"a", 0, work).await
    });
    has_begun.await.unwrap();
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    drop(store);
    assert_eq!(refused(folder.path(), &config), OpenError::Locked);
    drop(release);
    let began = Instant::now();
    let reopened = loop {
        match SqliteStore::open(folder.path(), &config) {
            Ok(store) => break store,
            Err(error) => assert_eq!(error, OpenError::Locked),
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the threads have not ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(get(&reopened, b"a", b"key").await, Some(b"value".to_vec()));
}

#[tokio::test]
async fn the_number_of_files_is_fixed() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path(), &SqliteConfig::default().with_shards(3)));
    for wanted in [1, 2, 4] {
        let error = refused(folder.path(), &SqliteConfig::default().with_shards(wanted));
        assert_eq!(error, OpenError::OtherShardCount { found: 3, wanted });
    }
    let folder = TempDir::new().unwrap();
    for wanted in [0, SqliteConfig::MAX_SHARDS + 1] {
        let error = refused(folder.path(), &SqliteConfig::default().with_shards(wanted));
        assert_eq!(error, OpenError::ShardCount(wanted));
    }
}

#[tokio::test]
async fn files_of_another_store_are_refused() {
    let config = SqliteConfig::default().with_shards(3);
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    drop((open(folder.path(), &config), open(other.path(), &config)));
    let kept = fs::read(shard(folder.path(), 1)).unwrap();
    // A file of another store, another file of the same store, no file, and other databases.
    for (content, error) in [
        (Some(fs::read(shard(other.path(), 1)).unwrap()), OpenError::OtherFile(1)),
        (Some(fs::read(shard(folder.path(), 2)).unwrap()), OpenError::OtherFile(1)),
        (None, OpenError::OtherFile(1)),
        (Some(database("CREATE TABLE t (x)")), OpenError::NotAStore(1)),
        (
            Some(database("CREATE TABLE t (x); PRAGMA user_version = 3; PRAGMA application_id = 0x5044646c")),
            OpenError::Newer { found: 3, known: 2 },
        ),
        // The first format had no table for large values.
        (
            Some(database("CREATE TABLE t (x); PRAGMA user_version = 1; PRAGMA application_id = 0x5044646c")),
            OpenError::Older { found: 1, known: 2 },
        ),
    ] {
        match content {
            Some(content) => fs::write(shard(folder.path(), 1), content).unwrap(),
            None => fs::remove_file(shard(folder.path(), 1)).unwrap(),
        }
        let _ = fs::remove_file(folder.path().join("shard-001.sqlite-wal"));
        let _ = fs::remove_file(folder.path().join("shard-001.sqlite-shm"));
        assert_eq!(refused(folder.path(), &config), error);
    }
    fs::write(shard(folder.path(), 1), b"not a database, but long enough to have a header").unwrap();
    assert!(matches!(refused(folder.path(), &config), OpenError::Failed(_)));
    fs::write(shard(folder.path(), 1), kept).unwrap();
    open(folder.path(), &config);
}

/// Returns the file of a database.
fn database(sql: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("database");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    fs::read(path).unwrap()
}

/// The first file is created last. If it is missing, the creation of the store was interrupted,
/// unless another file has rows.
#[tokio::test]
async fn an_interrupted_creation_is_continued() {
    let config = SqliteConfig::default().with_shards(3);
    let folder = TempDir::new().unwrap();
    let remove_first = || {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(folder.path().join(format!("shard-000.sqlite{end}")));
        }
    };
    drop(open(folder.path(), &config));
    remove_first();
    fs::write(shard(folder.path(), 0), []).unwrap();
    let store = open(folder.path(), &config);
    for number in 0..20_u8 {
        put(&store, &[number], b"key", &[]).await.unwrap();
    }
    drop(store);
    remove_first();
    assert_eq!(refused(folder.path(), &config), OpenError::OtherFile(0));
}

/// If the first database is lost, the rest of the store is not overwritten by a new one.
#[tokio::test]
async fn remains_of_another_store_are_refused() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path(), &SqliteConfig::default().with_shards(3)));
    for number in [0, 1] {
        fs::remove_file(shard(folder.path(), number)).unwrap();
    }
    for wanted in [1, 2] {
        let error = refused(folder.path(), &SqliteConfig::default().with_shards(wanted));
        assert_eq!(error, OpenError::OtherFile(2));
    }
    for (database, number) in [(None, 0), (Some([]), 1)] {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join(format!("shard-{number:03}.sqlite-wal"));
        if let Some(empty) = database {
            fs::write(shard(folder.path(), number), empty).unwrap();
        }
        fs::write(&log, b"a log").unwrap();
        let error = refused(folder.path(), &SqliteConfig::default().with_shards(2));
        assert_eq!(error, OpenError::OtherFile(number));
        assert_eq!(fs::read(&log).unwrap(), b"a log");
    }
}

#[tokio::test]
async fn an_incarnation_rises() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::default().with_shards(2);
    let path = folder.path().join("new/store");
    assert_eq!(SqliteStore::set_incarnation(&path, 2), Err(OpenError::NoStore));
    assert!(!path.exists());
    assert_eq!(SqliteStore::set_incarnation(folder.path(), 2), Err(OpenError::NoStore));
    drop(open(&path, &config));
    for incarnation in [0, 1, u64::MAX] {
        assert_eq!(SqliteStore::set_incarnation(&path, incarnation), Err(OpenError::Incarnation(1)));
    }
    SqliteStore::set_incarnation(&path, 7).unwrap();
    assert_eq!(SqliteStore::set_incarnation(&path, 7), Err(OpenError::Incarnation(7)));
    assert_eq!(open(&path, &config).incarnation(), 7);
}

/// Partitions are spread evenly, and a partition stays in its file.
#[tokio::test]
async fn partitions_are_spread_over_the_files() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::default().with_shards(4);
    for round in 0..2_u8 {
        let store = open(folder.path(), &config);
        for number in 0..200_u8 {
            put(&store, &[b'g', number], &[round], &[]).await.unwrap();
        }
    }
    let mut files = BTreeMap::<_, Vec<Vec<u8>>>::new();
    for number in 0..4 {
        let connection = Connection::open(shard(folder.path(), number)).unwrap();
        let mut statement = connection.prepare("SELECT partition FROM entries").unwrap();
        let partitions = statement.query_map([], |row| row.get(0)).unwrap();
        files.insert(number, partitions.map(Result::unwrap).collect());
    }
    assert_eq!(files.values().map(Vec::len).sum::<usize>(), 400);
    for partitions in files.values() {
        assert!((50..150).contains(&partitions.len()), "{files:?}");
        assert!(partitions.chunks(2).all(|rows| rows[0] == rows[1]), "both rounds are in one file");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = open(&path, &SqliteConfig::default());
    put(&store, b"a", b"key", b"value").await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
}
