//! The power fails at arbitrary moments. After a power cut, a file contains at least the data of
//! its last sync. The test keeps such a copy of each file, and opens a store from the copies.

use crate::fixture::{Acknowledged, append, check, is_database, is_log, name, open};
use pando_delivery::store::{SqliteConfig, StoreError};
use pando_disk_faults::{Call, Disk, watch};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Keeps the contents that each file had at its last sync.
#[derive(Default)]
pub(crate) struct SyncedFiles(pub(crate) Mutex<BTreeMap<OsString, Vec<u8>>>);

impl Disk for SyncedFiles {
    fn after(&self, call: Call, path: &Path, file: &File) {
        // The rollback journal of a new database is deleted before the folder is synced.
        if call != Call::Sync || !(is_log(path) || is_database(path)) {
            return;
        }
        // The lock ensures that an older copy does not replace a newer one. While this thread reads
        // the file, another thread may write to it. The copy may then contain a part of that write,
        // as after a real power cut.
        let mut files = self.0.lock().unwrap();
        let mut content = vec![0; file.metadata().unwrap().len().try_into().unwrap()];
        let mut len = 0;
        while len < content.len() {
            match file.read_at(&mut content[len..], len.try_into().unwrap()).unwrap() {
                0 => break,
                read => len += read,
            }
        }
        content.truncate(len);
        files.insert(path.file_name().unwrap().to_owned(), content);
    }
}

/// Cuts the power `cuts` times while 32 writers write. Returns an error if an acknowledged entry
/// was missing afterwards.
async fn cut_power(config: &SqliteConfig, cuts: u32) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    let disk = Arc::new(SyncedFiles::default());
    let _watch = watch(folder.path(), disk.clone());
    let store = open(folder.path(), config);
    let (acknowledged, is_done) =
        (Arc::new(Mutex::new(Acknowledged::new())), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..32_u32)
        .map(|writer| {
            let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
            let is_done = Arc::clone(&is_done);
            tokio::spawn(async move {
                let partition = name(writer % 8);
                while !is_done.load(Ordering::Relaxed) {
                    let len = usize::try_from(writer).unwrap() * 20;
                    match append(&store, &partition, len).await {
                        Ok(number) => {
                            let mut acknowledged = acknowledged.lock().unwrap();
                            acknowledged.entry(partition.clone()).or_default().push(number);
                        }
                        // The disk is slower than the writers.
                        Err(error) => assert_eq!(error, StoreError::Overloaded),
                    }
                }
            })
        })
        .collect();
    let mut result = Ok(());
    for _ in 0..cuts {
        tokio::time::sleep(Duration::from_millis(20)).await;
        // The list of acknowledged entries is copied before the files, so the files must contain
        // all entries of the list.
        let expected = acknowledged.lock().unwrap().clone();
        let files = disk.0.lock().unwrap().clone();
        result = result.and(after_power_cut(files, expected, config.clone()).await);
    }
    is_done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(store.counters().checkpoints > 0, "checkpoints took part in the test");
    result
}

async fn after_power_cut(
    files: BTreeMap<OsString, Vec<u8>>,
    expected: Acknowledged,
    config: SqliteConfig,
) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    // A missing entry or a damaged file panics.
    let checked = tokio::spawn(async move {
        let store = open(folder.path(), &config);
        check(&store, &expected).await;
    });
    checked.await.map_err(|error| error.to_string())
}

/// Returns settings with a short log, so that checkpoints occur often.
fn config() -> SqliteConfig {
    let mut config = SqliteConfig::default().with_shards(2);
    (config.readers, config.checkpoint_bytes, config.log_bytes) = (1, 64 << 10, 1 << 20);
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_entries_survive_power_cuts() {
    assert_eq!(cut_power(&config(), 20).await, Ok(()));
}

/// The test above would notice a store that does not sync.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_entries_are_noticed() {
    assert!(cut_power(&config().without_durability(), 3).await.is_err());
}
