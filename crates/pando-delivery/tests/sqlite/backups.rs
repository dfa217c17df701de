//! Backups of a running store.

use crate::{get, open, put};
use pando_delivery::store::{KeyRange, OpenError, ScanLimit, SqliteConfig, SqliteStore, Store};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

fn config() -> SqliteConfig {
    let mut config = SqliteConfig::default().with_shards(5);
    (config.readers, config.checkpoint_bytes, config.log_bytes) = (1, 64 << 10, 512 << 10);
    config
}

#[tokio::test]
async fn a_backup_is_restored_with_a_new_incarnation() {
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path(), &config());
    for number in 0..50_u8 {
        put(&store, &[number], b"key", &[number; 5_000]).await.unwrap();
        store.write(&[number], 0, move |rows| rows.set_due(Some(number.into()))).await.unwrap();
    }
    let copy = copies.path().join("copy");
    store.backup(&copy).unwrap();
    assert_eq!(store.backup(&copy), Err(OpenError::NotEmpty));
    put(&store, &[1], b"later", &[]).await.unwrap();

    // The incarnation must be set first.
    let refused = SqliteStore::open(&copy, &config()).unwrap_err();
    assert_eq!(refused, OpenError::Backup(1));
    assert_eq!(SqliteStore::set_incarnation(&copy, 1), Err(OpenError::Incarnation(1)));
    SqliteStore::set_incarnation(&copy, 2).unwrap();
    let restored = open(&copy, &config());
    assert_eq!((restored.incarnation(), restored.id()), (2, store.id()));
    for number in 0..50_u8 {
        assert_eq!(get(&restored, &[number], b"key").await, Some(vec![number; 5_000]));
    }
    assert_eq!(get(&restored, &[1], b"later").await, None);
    assert_eq!(restored.due(100, 100).await, store.due(100, 100).await);
    put(&restored, &[1], b"key", b"new").await.unwrap();
    // A backup of the restored store has the new incarnation.
    let second = copies.path().join("second");
    restored.backup(&second).unwrap();
    assert_eq!(SqliteStore::open(&second, &config()).unwrap_err(), OpenError::Backup(2));
}

/// A writer relays each entry from one partition to others, each time after the entry before was
/// acknowledged. A backup that contains an entry also contains all entries before, in all files.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn all_files_of_a_backup_are_of_one_moment() {
    const PARTITIONS: u32 = 16;
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path(), &config());
    let is_done = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (of_writer, done) = (Arc::clone(&store), Arc::clone(&is_done));
    let count = Arc::clone(&acknowledged);
    let writer = tokio::spawn(async move {
        for number in 0_u32.. {
            if done.load(Ordering::Relaxed) {
                break;
            }
            let partition = (number % PARTITIONS).to_be_bytes();
            put(&of_writer, &partition, &number.to_be_bytes(), &[1; 2_000]).await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    for round in 1..=6 {
        while acknowledged.load(Ordering::SeqCst) < round * 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let before = acknowledged.load(Ordering::SeqCst);
        let (of_backup, copy) = (Arc::clone(&store), copies.path().join(round.to_string()));
        let path = copy.clone();
        tokio::task::spawn_blocking(move || of_backup.backup(path)).await.unwrap().unwrap();
        SqliteStore::set_incarnation(&copy, 2).unwrap();
        let restored = open(&copy, &config());
        let mut found = Vec::new();
        for partition in 0..PARTITIONS {
            let partition = partition.to_be_bytes();
            let rows =
                restored.read(&partition, |rows| rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX)));
            let rows = rows.await.unwrap().rows;
            found.extend(rows.iter().map(|row| u32::from_be_bytes(row.key.as_slice().try_into().unwrap())));
        }
        found.sort_unstable();
        let expected: Vec<_> = (0..found.len().try_into().unwrap()).collect();
        assert_eq!(found, expected, "no entry is missing");
        assert!(found.len() >= before, "every acknowledged entry is in the backup");
    }
    is_done.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}

/// The old folder should be moved away first. If it was not, the logs of the backup, which are
/// empty, replace the logs of the old store.
#[tokio::test]
async fn a_backup_replaces_the_logs_of_an_old_store() {
    let (folder, copies, old) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut config = config();
    config.checkpoint_bytes = 1 << 30;
    let store = open(folder.path(), &config);
    put(&store, b"a", b"key", b"value").await.unwrap();
    let copy = copies.path().join("copy");
    store.backup(&copy).unwrap();
    for number in 0..50_u8 {
        put(&store, &[number], b"later", b"value").await.unwrap();
    }
    // The old server was killed, so its logs are not empty.
    let copy_files = |from: &Path| {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), old.path().join(entry.file_name())).unwrap();
        }
    };
    copy_files(folder.path());
    copy_files(&copy);
    SqliteStore::set_incarnation(old.path(), 2).unwrap();
    let restored = open(old.path(), &config);
    assert_eq!(get(&restored, b"a", b"key").await, Some(b"value".to_vec()));
    for number in 0..50_u8 {
        assert_eq!(get(&restored, &[number], b"later").await, None);
    }
}

#[tokio::test]
async fn an_incomplete_backup_is_no_store() {
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path(), &config());
    for number in 0..50_u8 {
        put(&store, &[number], b"key", &[]).await.unwrap();
    }
    let copy = copies.path().join("copy");
    store.backup(&copy).unwrap();
    // The first file is completed last.
    fs::remove_file(copy.join("shard-000.sqlite")).unwrap();
    assert_eq!(SqliteStore::set_incarnation(&copy, 2), Err(OpenError::NoStore));
    assert_eq!(SqliteStore::open(&copy, &config()).unwrap_err(), OpenError::OtherFile(0));
}
