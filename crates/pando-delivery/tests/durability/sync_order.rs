//! Between the last write of a request to the log and its answer, the log is synced.

use crate::fixture::{append, is_database, is_log, open};
use pando_delivery::store::SqliteConfig;
use pando_disk_faults::{Call, Disk, watch};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    LogWritten,
    LogSynced,
    DatabaseWritten,
    DatabaseSynced,
    Answered,
}

/// Records the successful calls for the files of a store.
#[derive(Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    fn record(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Disk for Recorder {
    fn after(&self, call: Call, path: &Path, _: &File) {
        match call {
            Call::Write if is_log(path) => self.record(Event::LogWritten),
            Call::Sync if is_log(path) => self.record(Event::LogSynced),
            Call::Write if is_database(path) => self.record(Event::DatabaseWritten),
            Call::Sync if is_database(path) => self.record(Event::DatabaseSynced),
            _ => {}
        }
    }
}

/// Writes 50 requests one after the other, and returns the recorded events.
async fn record(config: &SqliteConfig) -> Vec<Event> {
    let folder = TempDir::new().unwrap();
    let recorder = Arc::new(Recorder::default());
    let _watch = watch(folder.path(), recorder.clone());
    let store = open(folder.path(), config);
    recorder.0.lock().unwrap().clear();
    for number in 0..50 {
        append(&store, b"g/tea", number * 100).await.unwrap();
        recorder.record(Event::Answered);
    }
    drop(store);
    recorder.0.lock().unwrap().clone()
}

/// Returns a description of the first violation.
fn violation(events: &[Event]) -> Option<&'static str> {
    // Whether the log was written since the last answer, and whether each file was written since
    // its last sync.
    let (mut is_written, mut log_unsynced, mut database_unsynced) = (false, false, false);
    for event in events {
        match event {
            Event::LogWritten => (is_written, log_unsynced) = (true, true),
            Event::LogSynced => log_unsynced = false,
            // A checkpoint must not copy a part of the log that is not durable.
            Event::DatabaseWritten if log_unsynced => return Some("copied an unsynced log"),
            Event::DatabaseWritten => database_unsynced = true,
            Event::DatabaseSynced => database_unsynced = false,
            Event::Answered if !is_written => return Some("answered without a write"),
            Event::Answered if log_unsynced => return Some("answered before the sync"),
            Event::Answered => is_written = false,
        }
    }
    database_unsynced.then_some("the last checkpoint was not synced")
}

#[tokio::test]
async fn the_log_is_synced_before_each_answer() {
    let events = record(&SqliteConfig::default()).await;
    assert_eq!(events.iter().filter(|event| **event == Event::Answered).count(), 50);
    assert!(events.iter().filter(|event| **event == Event::LogSynced).count() >= 50);
    assert_eq!(violation(&events), None);
}

/// The test above would notice a store that does not sync.
#[tokio::test]
async fn a_missing_sync_is_noticed() {
    let events = record(&SqliteConfig::default().without_durability()).await;
    assert_eq!(violation(&events), Some("answered before the sync"));
}

#[test]
fn violations_are_recognised() {
    use Event::{Answered, DatabaseSynced, DatabaseWritten, LogSynced, LogWritten};
    assert_eq!(violation(&[LogWritten, LogSynced, Answered]), None);
    assert_eq!(violation(&[LogWritten, LogSynced, DatabaseWritten, DatabaseSynced, Answered]), None);
    let late = [LogWritten, LogSynced, LogWritten, Answered, LogSynced];
    assert_eq!(violation(&late), Some("answered before the sync"));
    let none = [LogWritten, LogSynced, Answered, Answered];
    assert_eq!(violation(&none), Some("answered without a write"));
    assert_eq!(violation(&[LogWritten, DatabaseWritten]), Some("copied an unsynced log"));
    let unsynced = [LogWritten, LogSynced, Answered, DatabaseWritten];
    assert_eq!(violation(&unsynced), Some("the last checkpoint was not synced"));
}
