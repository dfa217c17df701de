//! A store from which a group is opened, and which applies Deltas late.

use pando_mls::{Delta, RowKey, RowSource, Rows, SecretBytes, SourceError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Rows that change while a group reads them.
#[derive(Default)]
pub(crate) struct Store {
    rows: Mutex<Rows>,
    reads: AtomicUsize,
}

impl Store {
    pub(crate) fn new(rows: &Rows) -> Arc<Self> {
        Arc::new(Self { rows: Mutex::new(copy(rows)), reads: AtomicUsize::default() })
    }

    pub(crate) fn apply(&self, delta: &Delta) {
        delta.apply(&mut self.rows.lock().unwrap()).unwrap();
    }

    pub(crate) fn rows(&self) -> Rows {
        copy(&self.rows.lock().unwrap())
    }

    /// Returns the number of reads of single rows and of ranges.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl RowSource for Store {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows.lock().unwrap().row(key)
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        RowSource::range(&*self.rows.lock().unwrap(), first, last)
    }
}

/// Returns a copy of the rows.
pub(crate) fn copy(rows: &Rows) -> Rows {
    rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}
