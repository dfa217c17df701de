//! A store that counts its reads and fails on demand.

use pando_mls::{RowKey, RowSource, Rows, SecretBytes, SourceError};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

/// The kind of a read failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The store reports an error.
    Error,
    /// A row is missing. For a range of keys, the store reports an error instead.
    Missing,
}

#[derive(Default)]
struct State {
    reads: usize,
    /// The numbers of the reads that fail, and the kind of their failure.
    failing: Option<(RangeInclusive<usize>, Failure)>,
    /// The keys and ranges that have been read so far. `None` if first reads do not fail.
    asked: Option<BTreeSet<(RowKey, RowKey)>>,
}

/// The rows of a group, and the reads of them that fail.
pub(crate) struct Store {
    rows: Rows,
    state: Mutex<State>,
}

/// Returns a copy of the rows.
pub(crate) fn copy(rows: &Rows) -> Rows {
    rows.iter().map(|(key, row)| (*key, row.expose().into())).collect()
}

impl Store {
    pub(crate) fn new(rows: &Rows) -> Arc<Self> {
        Arc::new(Self { rows: copy(rows), state: Mutex::default() })
    }

    pub(crate) fn reads(&self) -> usize {
        self.state.lock().unwrap().reads
    }

    /// Makes some of the next reads fail. The next read has the number 0.
    pub(crate) fn fail(&self, reads: RangeInclusive<usize>, failure: Failure) {
        let mut state = self.state.lock().unwrap();
        let (first, last) = reads.into_inner();
        let reads = state.reads.saturating_add(first)..=state.reads.saturating_add(last);
        state.failing = Some((reads, failure));
    }

    /// Makes the first read of each row and of each range fail from now on.
    pub(crate) fn fail_first(&self) {
        self.state.lock().unwrap().asked = Some(BTreeSet::new());
    }

    pub(crate) fn repair(&self) {
        let mut state = self.state.lock().unwrap();
        (state.failing, state.asked) = (None, None);
    }

    /// Counts a read. Returns the kind of its failure if it is to fail.
    fn ask(&self, first: RowKey, last: RowKey) -> Option<Failure> {
        let mut state = self.state.lock().unwrap();
        let read = state.reads;
        state.reads += 1;
        if state.asked.as_mut().is_some_and(|asked| asked.insert((first, last))) {
            return Some(Failure::Error);
        }
        state.failing.as_ref().and_then(|(reads, failure)| reads.contains(&read).then_some(*failure))
    }
}

fn failed() -> SourceError {
    SourceError::new("the disk is gone")
}

impl RowSource for Store {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        match self.ask(key, key) {
            Some(Failure::Error) => Err(failed()),
            Some(Failure::Missing) => Ok(None),
            None => self.rows.row(key),
        }
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        if self.ask(first, last).is_some() {
            Err(failed())
        } else {
            RowSource::range(&self.rows, first, last)
        }
    }
}
