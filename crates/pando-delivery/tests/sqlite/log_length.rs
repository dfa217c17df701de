//! The write-ahead log is bounded under load.

use crate::{get, open, put};
use pando_delivery::store::{SqliteConfig, SqliteStore, Store, StoreError};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LOG: u64 = 2 << 20;

/// A commit can exceed the maximum by its own size. Each frame of the log has a header, which the
/// store does not count.
const EXCESS: u64 = 1 << 20;

fn config() -> SqliteConfig {
    let mut config = SqliteConfig::default();
    (config.checkpoint_bytes, config.log_bytes) = (128 << 10, LOG);
    config
}

fn log_length(folder: &Path) -> u64 {
    fs::metadata(folder.join("shard-000.sqlite-wal")).unwrap().len()
}

/// Writes with 16 writers until `is_done`, and records the greatest length of the log.
fn write(
    store: &Arc<SqliteStore>,
    folder: &Path,
    is_done: &Arc<AtomicBool>,
) -> (Vec<tokio::task::JoinHandle<Vec<StoreError>>>, Arc<AtomicU64>) {
    let greatest = Arc::new(AtomicU64::new(0));
    let writers = (0..16_u8).map(|writer| {
        let (store, is_done) = (Arc::clone(store), Arc::clone(is_done));
        let (folder, greatest) = (folder.to_owned(), Arc::clone(&greatest));
        tokio::spawn(async move {
            let mut errors = Vec::new();
            for number in 0_u32.. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                // Rows are replaced, so that the database stays small.
                let key = (number % 20).to_be_bytes();
                errors.extend(put(&store, &[b'g', writer], &key, &[1; 3_000]).await.err());
                greatest.fetch_max(log_length(&folder), Ordering::Relaxed);
            }
            errors
        })
    });
    (writers.collect(), greatest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_bounded_under_load() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &config());
    let is_done = Arc::default();
    let (writers, greatest) = write(&store, folder.path(), &is_done);
    // Wait until the writers have written several times the maximum length.
    let is_enough = || store.counters().requests > 3_000;
    let began = Instant::now();
    while !is_enough() && began.elapsed() < Duration::from_secs(120) {
        // Readers with short snapshots do not prevent checkpoints.
        get(&store, b"g0", b"key").await;
    }
    assert!(is_enough());
    is_done.store(true, Ordering::Relaxed);
    for writer in writers {
        assert_eq!(writer.await.unwrap(), []);
    }
    let greatest = greatest.load(Ordering::Relaxed);
    assert!(greatest <= LOG + EXCESS, "the log had {greatest} bytes");
    assert!(store.counters().checkpoints > 3);
    drop(store);
    assert_eq!(log_length(folder.path()), 0, "closing the store empties the log");
}

/// A snapshot that lasts long prevents the log from starting from its beginning. At the maximum
/// length, requests are refused until the snapshot ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_snapshot_does_not_let_the_log_grow_without_bound() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &config());
    put(&store, b"g0", b"key", b"value").await.unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let of_reader = Arc::clone(&store);
    let reader = tokio::spawn(async move {
        let work = move |snapshot: &dyn pando_delivery::store::Snapshot| {
            let value = snapshot.get(b"key")?;
            begun.send(()).unwrap();
            let _ = released.recv();
            assert_eq!(snapshot.get(b"key")?, value);
            Ok::<_, StoreError>(value)
        };
        of_reader.read(b"g0", work).await
    });
    has_begun.await.unwrap();
    let is_done = Arc::default();
    let (writers, greatest) = write(&store, folder.path(), &is_done);
    while store.counters().overloaded == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    is_done.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.await.unwrap().iter().all(|error| *error == StoreError::Overloaded));
    }
    let greatest = greatest.load(Ordering::Relaxed);
    assert!((LOG..LOG + EXCESS).contains(&greatest), "the log had {greatest} bytes");
    // As long as no checkpoint makes progress, requests are refused at once.
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(put(&store, b"g0", b"key", b"later").await, Err(StoreError::Overloaded));
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    drop(release);
    assert_eq!(reader.await.unwrap(), Ok(Some(b"value".to_vec())));
    // Each request that is refused asks for a checkpoint, which makes progress now.
    let began = Instant::now();
    while let Err(error) = put(&store, b"g0", b"key", b"later").await {
        assert_eq!(error, StoreError::Overloaded);
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(get(&store, b"g0", b"key").await, Some(b"later".to_vec()));
}
