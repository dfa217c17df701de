//! Failed syncs, and full disks. No acknowledged request is lost, and errors say whether a request
//! may have taken effect.

use crate::fixture::{Acknowledged, append, check, entries, is_database, is_log, name, open};
use pando_delivery::store::{
    FailureKind, KeyRange, OpenError, ScanLimit, SqliteConfig, SqliteStore, Store, StoreError,
};
use pando_disk_faults::{Call, Disk, watch};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;

/// Fails calls of one kind for some files.
pub(crate) struct FailingDisk {
    call: Call,
    applies: fn(&Path) -> bool,
    error: i32,
    /// Number of calls that succeed before the first one that fails.
    remaining: AtomicU32,
}

impl FailingDisk {
    pub(crate) fn new(call: Call, applies: fn(&Path) -> bool, error: i32) -> Arc<Self> {
        Arc::new(Self { call, applies, error, remaining: AtomicU32::new(u32::MAX) })
    }

    /// Lets calls fail after `remaining` further calls.
    pub(crate) fn fail_after(&self, remaining: u32) {
        self.remaining.store(remaining, Ordering::SeqCst);
    }

    pub(crate) fn repair(&self) {
        self.fail_after(u32::MAX);
    }
}

impl Disk for FailingDisk {
    fn before(&self, call: Call, path: &Path) -> Option<i32> {
        if call != self.call || !(self.applies)(path) {
            return None;
        }
        let count_down = |remaining: u32| match remaining {
            0 | u32::MAX => None,
            _ => Some(remaining - 1),
        };
        let updated = self.remaining.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count_down);
        (updated == Err(0)).then_some(self.error)
    }
}

/// The requests of concurrent writers.
#[derive(Default)]
struct Outcome {
    acknowledged: Acknowledged,
    errors: Vec<StoreError>,
    /// For each partition, the number of failed requests that may have taken effect.
    unknown: BTreeMap<Vec<u8>, usize>,
}

/// Checks that all acknowledged entries are in the store, and no entries of requests that did
/// nothing.
async fn check_outcome(store: &SqliteStore, outcome: &Outcome) {
    check(store, &outcome.acknowledged).await;
    for partition in (0..10).map(name) {
        let acknowledged = outcome.acknowledged.get(&partition).map_or(0, Vec::len);
        let unknown = outcome.unknown.get(&partition).copied().unwrap_or_default();
        let found = usize::try_from(entries(store, &partition).await).unwrap();
        assert!(found <= acknowledged + unknown, "{found} > {acknowledged} + {unknown}");
    }
}

/// Runs 64 concurrent writers. Each of them sends requests until it has an error.
async fn write(store: &Arc<SqliteStore>, requests: u32) -> Outcome {
    let outcome = Arc::new(Mutex::new(Outcome::default()));
    let writers: Vec<_> = (0..64_u32)
        .map(|writer| {
            let (store, outcome) = (Arc::clone(store), Arc::clone(&outcome));
            tokio::spawn(async move {
                let partition = name(writer % 10);
                for _ in 0..requests {
                    match append(&store, &partition, 300).await {
                        Ok(number) => {
                            let acknowledged = &mut outcome.lock().unwrap().acknowledged;
                            acknowledged.entry(partition.clone()).or_default().push(number);
                        }
                        Err(error) => {
                            let mut outcome = outcome.lock().unwrap();
                            if error.may_have_taken_effect() {
                                *outcome.unknown.entry(partition).or_default() += 1;
                            }
                            return outcome.errors.push(error);
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    Arc::into_inner(outcome).unwrap().into_inner().unwrap()
}

fn kind(error: &StoreError) -> Option<FailureKind> {
    match error {
        StoreError::OutcomeUnknown(failure) | StoreError::Io(failure) => Some(failure.kind),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_stops_the_store() {
    let mut unknown = 0;
    for syncs in 0..8 {
        let folder = TempDir::new().unwrap();
        let disk = FailingDisk::new(Call::Sync, is_log, EIO);
        let _watch = watch(folder.path(), disk.clone());
        let store = open(folder.path(), &SqliteConfig::default());
        disk.fail_after(syncs);
        let outcome = write(&store, 1_000).await;
        for error in &outcome.errors {
            let is_of_batch = error.may_have_taken_effect() && kind(error) == Some(FailureKind::Sync);
            assert!(is_of_batch || *error == StoreError::Stopped, "{error:?}");
            unknown += u32::from(is_of_batch);
        }
        // Later syncs would succeed, but the store has stopped.
        disk.repair();
        assert_eq!(store.failed().await.kind, FailureKind::Sync);
        assert_eq!(append(&store, b"g/tea", 1).await, Err(StoreError::Stopped));
        assert_eq!(store.read(b"g/tea", |_| Ok(())).await, Err(StoreError::Stopped));
        assert_eq!(store.due(1, 1).await, Err(StoreError::Stopped));
        drop(store);
        let store = open(folder.path(), &SqliteConfig::default());
        check_outcome(&store, &outcome).await;
        append(&store, b"g/tea", 1).await.unwrap();
    }
    assert!(unknown > 8, "whole batches failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_of_a_checkpoint_stops_the_store() {
    let mut config = SqliteConfig::default();
    config.checkpoint_bytes = 64 << 10;
    let folder = TempDir::new().unwrap();
    let disk = FailingDisk::new(Call::Sync, is_database, EIO);
    let _watch = watch(folder.path(), disk.clone());
    let store = open(folder.path(), &config);
    disk.fail_after(0);
    let outcome = write(&store, 100_000).await;
    assert_eq!(store.failed().await.kind, FailureKind::Sync);
    assert!(outcome.errors.iter().all(|error| *error == StoreError::Stopped));
    drop(store);
    disk.repair();
    check_outcome(&open(folder.path(), &config), &outcome).await;
}

/// The disk is full from the n-th write on, for many values of n. The store goes on when the disk
/// has space again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing() {
    let mut kinds = BTreeSet::new();
    for writes in (0..60).step_by(3) {
        let folder = TempDir::new().unwrap();
        let disk = FailingDisk::new(Call::Write, is_log, ENOSPC);
        let _watch = watch(folder.path(), disk.clone());
        let store = open(folder.path(), &SqliteConfig::default());
        disk.fail_after(writes);
        let mut outcome = write(&store, 1_000).await;
        assert_eq!(outcome.errors.len(), 64, "each writer ends with an error");
        for error in &outcome.errors {
            assert_eq!(kind(error), Some(FailureKind::Full), "{error:?}");
            kinds.insert(error.may_have_taken_effect());
        }
        // Reads are answered while the disk is full.
        check_outcome(&store, &outcome).await;
        if writes % 2 == 0 {
            // The store goes on without being opened again.
            disk.repair();
            let later = write(&store, 5).await;
            assert_eq!(later.errors, []);
            for (partition, numbers) in later.acknowledged {
                outcome.acknowledged.entry(partition).or_default().extend(numbers);
            }
            check_outcome(&store, &outcome).await;
        }
        drop(store);
        disk.repair();
        let store = open(folder.path(), &SqliteConfig::default());
        check_outcome(&store, &outcome).await;
        append(&store, b"g/tea", 1).await.unwrap();
    }
    assert!(kinds.contains(&true), "some commits failed");
}

/// A request that is larger than the page cache writes to the log before its commit. If this fails,
/// the request did nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_before_the_commit_has_no_effect() {
    let mut config = SqliteConfig::default();
    config.cache_bytes = 64 << 10;
    let folder = TempDir::new().unwrap();
    let disk = FailingDisk::new(Call::Write, is_log, ENOSPC);
    let _watch = watch(folder.path(), disk.clone());
    let store = open(folder.path(), &config);
    append(&store, b"g/tea", 10).await.unwrap();
    disk.fail_after(3);
    let fills_cache = store.write(b"g/tea", 0, |transaction| {
        for number in 0..2_000_u32 {
            transaction.put(&number.to_be_bytes(), &[1; 1_000])?;
        }
        Ok::<_, StoreError>(())
    });
    let error = fills_cache.await.unwrap_err();
    assert_eq!((kind(&error), error.may_have_taken_effect()), (Some(FailureKind::Full), false), "{error:?}");
    disk.repair();
    assert_eq!(entries(&store, b"g/tea").await, 1);
    assert_eq!(append(&store, b"g/tea", 10).await, Ok(1));
    drop(store);
    assert_eq!(entries(&open(folder.path(), &config), b"g/tea").await, 2);
}

/// If the disk is full, SQLite ends the transaction. A request that ignores the error and writes on
/// does nothing, even if the disk has space again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_ignores_a_full_disk_does_nothing() {
    let mut config = SqliteConfig::default();
    config.cache_bytes = 64 << 10;
    let folder = TempDir::new().unwrap();
    let disk = FailingDisk::new(Call::Write, is_log, ENOSPC);
    let _watch = watch(folder.path(), disk.clone());
    let store = open(folder.path(), &config);
    append(&store, b"g/tea", 10).await.unwrap();
    disk.fail_after(3);
    let of_request = disk.clone();
    let ignores = store.write(b"g/tea", 0, move |transaction| {
        let mut errors = BTreeSet::new();
        for number in 0..2_000_u32 {
            if let Err(error) = transaction.put(&number.to_be_bytes(), &[1; 1_000]) {
                of_request.repair();
                errors.insert(format!("{error:?}"));
            }
        }
        assert!(transaction.last(&KeyRange::all()).is_err());
        assert!(transaction.set_due(Some(1)).is_err());
        assert_eq!(errors.len(), 1, "each method returns the first error");
        Ok::<_, StoreError>(())
    });
    let error = ignores.await.unwrap_err();
    assert_eq!((kind(&error), error.may_have_taken_effect()), (Some(FailureKind::Full), false), "{error:?}");
    let rows = || async {
        let all = store.read(b"g/tea", |rows| rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX)));
        all.await.unwrap().rows.len()
    };
    assert_eq!(rows().await, 2);
    assert_eq!(store.due(1, 1).await, Ok(vec![]));
    assert_eq!(append(&store, b"g/tea", 10).await, Ok(1));
    assert_eq!(rows().await, 4);
}

/// A backup whose files are incomplete cannot be used, even if it has only one file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incomplete_backup_is_no_store() {
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = SqliteConfig::default();
    let store = open(folder.path(), &config);
    for _ in 0..50 {
        append(&store, b"g/tea", 10_000).await.unwrap();
    }
    let disk = FailingDisk::new(Call::Write, is_database, ENOSPC);
    let full = watch(copies.path(), disk.clone());
    for writes in [0, 2, 4, 6, 10, 20, 50, 100, 200] {
        let copy = copies.path().join(writes.to_string());
        disk.fail_after(writes);
        assert!(store.backup(&copy).is_err(), "{writes}");
        disk.repair();
        // The attempt that failed first has left an empty file.
        if std::fs::metadata(copy.join("shard-000.sqlite")).unwrap().len() > 0 {
            let error = SqliteStore::open(&copy, &config).unwrap_err();
            assert_eq!(SqliteStore::set_incarnation(&copy, 2), Err(error));
        }
    }
    // If a sync fails, SQLite rolls back the rows, and then the file has its first entry. The first
    // sync is that of the empty tables, and the others are those of the rows and of the last entry.
    drop(full);
    let disk = FailingDisk::new(Call::Sync, is_database, EIO);
    let _watch = watch(copies.path(), disk.clone());
    for syncs in [1, 2] {
        let copy = copies.path().join(format!("synced {syncs} times"));
        disk.fail_after(syncs);
        assert!(store.backup(&copy).is_err());
        disk.repair();
        assert_eq!(SqliteStore::open(&copy, &config).unwrap_err(), OpenError::OtherFile(0));
        assert_eq!(SqliteStore::set_incarnation(&copy, 2), Err(OpenError::OtherFile(0)));
    }
}

/// If the database cannot grow, checkpoints fail. The log grows up to its maximum, and then
/// requests are refused until the disk has space.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_on_a_full_disk_is_repeated() {
    let mut config = SqliteConfig::default();
    (config.checkpoint_bytes, config.log_bytes) = (64 << 10, 1 << 20);
    let folder = TempDir::new().unwrap();
    let disk = FailingDisk::new(Call::Write, is_database, ENOSPC);
    let _watch = watch(folder.path(), disk.clone());
    let store = open(folder.path(), &config);
    disk.fail_after(0);
    let outcome = write(&store, 100_000).await;
    assert!(outcome.errors.iter().all(|error| *error == StoreError::Overloaded), "{:?}", outcome.errors);
    assert!(store.counters().failed_checkpoints > 0);
    check_outcome(&store, &outcome).await;
    disk.repair();
    // The next request waits for a checkpoint, which succeeds now.
    let mut appended = append(&store, b"g/tea", 10).await;
    for _ in 0..100 {
        if appended != Err(StoreError::Overloaded) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        appended = append(&store, b"g/tea", 10).await;
    }
    assert_eq!(appended, Ok(0));
    drop(store);
    check_outcome(&open(folder.path(), &config), &outcome).await;
}
