//! The state that the threads of a file share.

use crate::store::error::{Failure, FailureKind, StoreError};
use crate::store::sqlite::config::SqliteConfig;
use crate::store::sqlite::gate::Gate;
use crate::store::sqlite::job::{Read, Write};
use crate::store::sqlite::queue::Queue;
use crate::store::sqlite::signal::Checkpoints;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use tokio::sync::watch;

/// One file of a store.
pub(super) struct Shard {
    pub(super) writes: Queue<Box<dyn Write>>,
    pub(super) reads: Queue<Read<Connection>>,
    /// The writer holds this lock during each batch.
    pub(super) gate: Gate,
    pub(super) checkpoints: Checkpoints,
    pub(super) common: Arc<Common>,
}

/// The state that the threads of all files share.
pub(super) struct Common {
    failure: watch::Sender<Option<Failure>>,
    /// Number of backups that are running.
    pub(super) backups: AtomicUsize,
    pub(super) counts: Counts,
    pub(super) config: SqliteConfig,
}

/// Numbers for monitoring.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) failed_batches: AtomicU64,
    pub(super) overloaded: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) failed_checkpoints: AtomicU64,
}

impl Counts {
    pub(super) fn add(counter: &AtomicU64, number: usize) {
        counter.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Common {
    pub(super) fn new(config: SqliteConfig) -> Self {
        let (failure, backups, counts) = (watch::Sender::new(None), AtomicUsize::new(0), Counts::default());
        Self { failure, backups, counts, config }
    }

    /// Stops the store. Only the first failure is kept.
    pub(super) fn stop(&self, failure: Failure) {
        self.failure.send_if_modified(|stopped| {
            let is_first = stopped.is_none();
            stopped.get_or_insert(failure);
            is_first
        });
    }

    /// Stops the store if `failure` is a failed sync. After a failed sync, the operating system may
    /// have dropped the data that it could not write, and a second sync would succeed without
    /// having written this data. Only the log on the disk is reliable then, and opening the store
    /// again reads it.
    pub(super) fn stop_after(&self, failure: Failure) {
        if failure.kind == FailureKind::Sync {
            self.stop(failure);
        }
    }

    /// Returns the failure that has stopped the store.
    pub(super) fn failure(&self) -> Option<Failure> {
        *self.failure.borrow()
    }

    /// Returns an error if the store has stopped.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.failure().is_some() { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// Waits until the store stops because of a failure.
    pub(super) async fn failed(&self) -> Failure {
        let mut failure = self.failure.subscribe();
        loop {
            let found = *failure.borrow_and_update();
            if let Some(failure) = found {
                return failure;
            }
            // The sender exists as long as `self`, so this never fails.
            if failure.changed().await.is_err() {
                return Failure::new(FailureKind::Internal, None);
            }
        }
    }
}

impl Shard {
    pub(super) fn new(common: Arc<Common>) -> Self {
        Self {
            writes: Queue::new(common.config.writes),
            reads: Queue::new(common.config.reads),
            gate: Gate::default(),
            checkpoints: Checkpoints::default(),
            common,
        }
    }

    /// Refuses all requests that wait, and ends the writer and the readers of this file.
    pub(super) fn close(&self) {
        let stopped = StoreError::Stopped;
        self.writes.close().into_iter().for_each(|write| write.refuse(stopped));
        self.reads.close().into_iter().for_each(|read| read(Err(stopped))());
    }
}

/// Stops the store if the thread that owns this value panics. Otherwise, its requests would wait
/// forever.
pub(super) struct StopOnPanic(pub(super) Arc<Shard>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.common.stop(Failure::new(FailureKind::Internal, None));
            self.0.close();
            self.0.checkpoints.close();
        }
    }
}
