//! Counters that tests use to measure the work of an operation.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter. All tests in a process share it, so a test that reads it must run alone.
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

/// Number of hashes computed: tree hashes, parent hashes and key fingerprints.
pub(crate) static HASHES: Counter = Counter::new();
/// Number of tree nodes allocated.
pub(crate) static NODES_ALLOCATED: Counter = Counter::new();
/// Number of comparisons of two keys.
pub(crate) static KEYS_COMPARED: Counter = Counter::new();
/// Number of eight-byte fingerprints compared during index lookups.
pub(crate) static INDEX_STEPS: Counter = Counter::new();
