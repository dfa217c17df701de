//! Opening a store after a kill or a failed sync. What the store then returns must be on the disk.

use crate::failures::{EIO, FailingDisk};
use crate::fixture::{append, entries, is_log, open};
use crate::power_cut::SyncedFiles;
use pando_delivery::store::{FailureKind, OpenError, SqliteConfig, SqliteStore};
use pando_disk_faults::{Call, Disk, watch};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Fails syncs of logs, and keeps the contents that each file had at its last successful sync.
struct FailingSyncs {
    failing: Arc<FailingDisk>,
    synced: SyncedFiles,
}

impl FailingSyncs {
    fn new() -> Arc<Self> {
        let failing = FailingDisk::new(Call::Sync, is_log, EIO);
        Arc::new(Self { failing, synced: SyncedFiles::default() })
    }

    /// Returns a folder with the files that a power cut would leave.
    fn after_power_cut(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, content) in &*self.synced.0.lock().unwrap() {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }
}

impl Disk for FailingSyncs {
    fn before(&self, call: Call, path: &Path) -> Option<i32> {
        self.failing.before(call, path)
    }

    fn after(&self, call: Call, path: &Path, file: &File) {
        self.synced.after(call, path, file);
    }
}

/// The commit whose sync has failed is in the page cache. The store may return it only after the
/// log was synced.
#[tokio::test]
async fn a_store_returns_only_synced_entries_after_a_failed_sync() {
    let folder = TempDir::new().unwrap();
    let disk = FailingSyncs::new();
    let _watch = watch(folder.path(), disk.clone());
    let config = SqliteConfig::default();
    let store = open(folder.path(), &config);
    append(&store, b"g/tea", 300).await.unwrap();
    disk.failing.fail_after(0);
    assert!(append(&store, b"g/tea", 300).await.unwrap_err().may_have_taken_effect());
    drop(store);
    assert_eq!(entries(&open(disk.after_power_cut().path(), &config), b"g/tea").await, 1);

    // The store cannot be opened as long as the log cannot be synced.
    let OpenError::Failed(failure) = SqliteStore::open(folder.path(), &config).unwrap_err() else {
        panic!("the sync has not failed")
    };
    assert_eq!((failure.kind, failure.code), (FailureKind::Sync, Some(EIO)));
    disk.failing.repair();
    let store = open(folder.path(), &config);
    assert_eq!(entries(&store, b"g/tea").await, 2);
    assert_eq!(entries(&open(disk.after_power_cut().path(), &config), b"g/tea").await, 2);
}

/// A process that is killed leaves a log, which the next process syncs before it reads it.
#[tokio::test]
async fn opening_syncs_the_log_that_a_killed_process_has_left() {
    let (folder, killed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = SqliteConfig::default();
    let store = open(folder.path(), &config);
    append(&store, b"g/tea", 300).await.unwrap();
    for end in ["", "-wal"] {
        let name = format!("shard-000.sqlite{end}");
        fs::copy(folder.path().join(&name), killed.path().join(name)).unwrap();
    }
    let log = fs::read(killed.path().join("shard-000.sqlite-wal")).unwrap();
    assert!(!log.is_empty());
    let disk = FailingSyncs::new();
    let _watch = watch(killed.path(), disk.clone());
    let store = open(killed.path(), &config);
    let synced = disk.synced.0.lock().unwrap().get(OsStr::new("shard-000.sqlite-wal")).cloned();
    assert!(synced == Some(log), "the whole log was synced, and is unchanged");
    assert_eq!(entries(&store, b"g/tea").await, 1);
}
