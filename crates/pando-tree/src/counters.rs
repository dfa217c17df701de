//! Counters of the work that an operation does, for tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count. All tests of a process share it: a test that reads it must run alone.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Number of hashes computed for the tree, for parent hashes and for key fingerprints.
pub(crate) static HASHES: Counter = Counter::new();
/// Number of tree nodes allocated.
pub(crate) static NODES_ALLOCATED: Counter = Counter::new();
/// Number of keys compared with each other.
pub(crate) static KEYS_COMPARED: Counter = Counter::new();
/// Number of eight-byte fingerprints compared during index lookups.
pub(crate) static INDEX_STEPS: Counter = Counter::new();
