//! A store that records what the requests write.

use pando_delivery::store::{
    Due, KeyRange, Page, Row, ScanLimit, Snapshot, SqliteStore, Store, StoreError, Transaction,
};
use std::mem;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A row that a request has written or deleted, or a due time that it has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The key of the row. Empty for a due time.
    pub(crate) key: Vec<u8>,
    /// The bytes of the key and the value.
    pub(crate) bytes: usize,
    pub(crate) kind: ChangeKind,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    New,
    Rewritten,
    Deleted,
}

/// A write request.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) partition: Vec<u8>,
    /// Empty if only times are recorded.
    pub(crate) changes: Vec<Change>,
    /// The time from the request to its answer.
    pub(crate) duration: Duration,
}

/// The details of requests that are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Nothing. This is the detail between recordings.
    Nothing,
    /// The time of each request.
    Times,
    /// The time and the changes of each request. To record a change reads the row before, which
    /// makes requests slower.
    Changes,
}

/// A store that records write requests while it is told to.
#[derive(Debug)]
pub(crate) struct RecordingStore {
    store: SqliteStore,
    /// The detail of the recording, and the requests since it has begun.
    recording: Mutex<(Detail, Vec<Written>)>,
}

impl RecordingStore {
    /// Returns a store that records nothing yet.
    pub(crate) const fn new(store: SqliteStore) -> Self {
        Self { store, recording: Mutex::new((Detail::Nothing, Vec::new())) }
    }

    /// Begins to record.
    pub(crate) fn record(&self, detail: Detail) {
        *self.lock() = (detail, Vec::new());
    }

    /// Ends the recording, and returns the requests in the partition that have succeeded.
    pub(crate) fn recorded(&self, partition: &[u8]) -> Vec<Written> {
        let (_, requests) = mem::replace(&mut *self.lock(), (Detail::Nothing, Vec::new()));
        requests.into_iter().filter(|request| request.partition == partition).collect()
    }

    fn lock(&self) -> MutexGuard<'_, (Detail, Vec<Written>)> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for RecordingStore {
    type Target = SqliteStore;

    fn deref(&self) -> &SqliteStore {
        &self.store
    }
}

impl Store for RecordingStore {
    async fn write<T, E>(
        &self,
        partition: &[u8],
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (detail, began) = (self.lock().0, Instant::now());
        let (value, changes) = match detail {
            Detail::Nothing => return self.store.write(partition, bytes, work).await,
            Detail::Times => (self.store.write(partition, bytes, work).await?, Vec::new()),
            Detail::Changes => {
                let work = move |rows: &mut dyn Transaction| {
                    let mut recorder = Recorder { rows, changes: Vec::new() };
                    let value = work(&mut recorder)?;
                    Ok::<_, E>((value, recorder.changes))
                };
                self.store.write(partition, bytes, work).await?
            }
        };
        let written = Written { partition: partition.into(), changes, duration: began.elapsed() };
        self.lock().1.push(written);
        Ok(value)
    }

    async fn read<T, E>(
        &self,
        partition: &[u8],
        work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.store.read(partition, work).await
    }

    async fn due(&self, now: u64, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.store.due(now, limit).await
    }

    fn incarnation(&self) -> u64 {
        self.store.incarnation()
    }
}

/// A transaction that records its changes.
struct Recorder<'a> {
    rows: &'a mut dyn Transaction,
    changes: Vec<Change>,
}

impl Recorder<'_> {
    fn push(&mut self, key: &[u8], bytes: usize, kind: ChangeKind) {
        self.changes.push(Change { key: key.into(), bytes, kind });
    }
}

impl Snapshot for Recorder<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.get(key)
    }

    fn scan(&self, range: &KeyRange, limit: ScanLimit) -> Result<Page, StoreError> {
        self.rows.scan(range, limit)
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Row>, StoreError> {
        self.rows.last(range)
    }

    fn due(&self) -> Result<Option<u64>, StoreError> {
        self.rows.due()
    }
}

impl Transaction for Recorder<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let is_new = self.rows.get(key)?.is_none();
        let kind = if is_new { ChangeKind::New } else { ChangeKind::Rewritten };
        self.push(key, key.len() + value.len(), kind);
        self.rows.put(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError> {
        if self.rows.get(key)?.is_some() {
            self.push(key, key.len(), ChangeKind::Deleted);
        }
        self.rows.delete(key)
    }

    fn delete_range(&mut self, range: &KeyRange, limit: usize) -> Result<bool, StoreError> {
        for row in self.rows.scan(range, ScanLimit::rows(limit))?.rows {
            self.push(&row.key, row.key.len(), ChangeKind::Deleted);
        }
        self.rows.delete_range(range, limit)
    }

    fn set_due(&mut self, at: Option<u64>) -> Result<(), StoreError> {
        self.push(&[], size_of::<u64>(), ChangeKind::Rewritten);
        self.rows.set_due(at)
    }
}
