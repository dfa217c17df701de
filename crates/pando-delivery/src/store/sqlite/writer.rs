//! The writer of a file, which commits requests in batches.
//!
//! The writer takes the requests that wait, and never waits for more. Each request runs within a
//! savepoint, so that its error rolls back this request alone. One COMMIT then makes the whole
//! batch durable, and only then the requests are answered. While a commit waits for the disk, the
//! next requests arrive, so batches grow with the load.

use crate::store::error::{Failure, FailureKind, StoreError};
use crate::store::faults::point;
use crate::store::sqlite::connection::execute;
use crate::store::sqlite::job::{Reply, Write};
use crate::store::sqlite::rows::SqliteTransaction;
use crate::store::sqlite::shard::{Counts, Shard, StopOnPanic};
use crate::store::sqlite::wal::{self, LogState};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time that the writer waits for checkpoints when the log has its maximum length. Meanwhile,
/// requests wait in the queue.
const WAIT_FOR_LOG: Duration = Duration::from_secs(5);

pub(super) struct Writer {
    shard: Arc<Shard>,
    connection: Connection,
    /// The state of the log after the last batch.
    log: LogState,
    /// The state of the log when checkpoints did not make room in time. Until the state changes,
    /// requests are refused without waiting.
    stuck: Option<LogState>,
}

/// The requests of a batch that have run.
#[derive(Default)]
struct Batch {
    /// The reply of each request, with its own result if the batch is committed.
    replies: Vec<(Reply, Result<(), StoreError>)>,
    /// Approximate number of bytes that the requests have written.
    written: usize,
}

impl Writer {
    pub(super) fn new(shard: Arc<Shard>, connection: Connection) -> Self {
        Self { shard, connection, log: LogState::default(), stuck: None }
    }

    /// Processes requests until the queue is closed.
    pub(super) fn run(mut self) {
        let shard = Arc::clone(&self.shard);
        let _stop = StopOnPanic(Arc::clone(&shard));
        let config = &shard.common.config;
        let mut jobs = VecDeque::new();
        loop {
            if jobs.is_empty() {
                jobs = shard.writes.take(config.batch_requests, config.batch_bytes);
            }
            if jobs.is_empty() {
                return;
            }
            let ready = shard.common.check().and_then(|()| self.make_room());
            match ready {
                Ok(()) => self.run_batch(&mut jobs),
                Err(error) => refuse(&mut jobs, error, &shard.common.counts),
            }
            point("delivery::replied");
        }
    }

    /// Waits for checkpoints if the log has its maximum length.
    fn make_room(&mut self) -> Result<(), StoreError> {
        let common = &self.shard.common;
        let limit = common.config.log_bytes;
        // A log that is copied usually starts from its beginning with the next commit. If readers
        // that overlap prevent this, the log grows further.
        let is_full = |log: LogState| {
            (log.bytes() >= limit && !log.is_copied()) || log.bytes() > limit.saturating_mul(2)
        };
        let began = Instant::now();
        while is_full(self.log) && common.backups.load(Ordering::Relaxed) == 0 {
            let rest = WAIT_FOR_LOG.saturating_sub(began.elapsed());
            if self.stuck.is_some() {
                self.log = wal::state(&self.connection)?;
            }
            if rest.is_zero() || self.stuck == Some(self.log) {
                self.stuck = Some(self.log);
                self.shard.checkpoints.request();
                return Err(StoreError::Overloaded);
            }
            self.stuck = None;
            // The checkpoint that ends next may have begun when the log was shorter, so this can
            // take more than one checkpoint.
            if !self.shard.checkpoints.request_and_wait(rest) {
                return Err(StoreError::Stopped);
            }
            self.log = wal::state(&self.connection)?;
            common.check()?;
        }
        self.stuck = None;
        Ok(())
    }

    /// Commits one batch of the first jobs, and answers them.
    fn run_batch(&mut self, jobs: &mut VecDeque<Box<dyn Write>>) {
        let shard = Arc::clone(&self.shard);
        let (common, counts) = (&shard.common, &shard.common.counts);
        let turn = shard.gate.writer();
        if let Err(failure) = execute(&self.connection, "BEGIN IMMEDIATE") {
            common.stop_after(failure);
            return refuse(jobs, failure.into(), counts);
        }
        point("delivery::begin");
        let mut batch = Batch::default();
        let run = self.run_requests(jobs, &mut batch);
        let result = match run {
            Ok(()) => self.commit(),
            // The commit was not attempted, so no request of the batch has taken effect.
            Err(failure) => {
                common.stop_after(failure);
                Err(failure.into())
            }
        };
        if result.is_err() {
            Counts::add(&counts.failed_batches, 1);
            if !self.connection.is_autocommit()
                && let Err(failure) = execute(&self.connection, "ROLLBACK")
            {
                // The connection cannot begin another transaction.
                common.stop(failure);
            }
        }
        drop(turn);
        Counts::add(&counts.batches, 1);
        Counts::add(&counts.requests, batch.replies.len());
        for (reply, own_result) in batch.replies {
            reply(result.and(own_result));
        }
        self.watch_log();
    }

    /// Runs requests until the batch has reached its maximum size, but at least one. Returns an
    /// error if the transaction cannot be committed.
    fn run_requests(&self, jobs: &mut VecDeque<Box<dyn Write>>, batch: &mut Batch) -> Result<(), Failure> {
        let limit = self.shard.common.config.batch_bytes;
        while (batch.replies.is_empty() || batch.written < limit)
            && let Some(job) = jobs.pop_front()
        {
            if job.is_abandoned() {
                job.abandon();
            } else {
                self.run_request(job, batch)?;
            }
        }
        Ok(())
    }

    fn run_request(&self, job: Box<dyn Write>, batch: &mut Batch) -> Result<(), Failure> {
        let connection = &self.connection;
        if let Err(failure) = execute(connection, "SAVEPOINT request") {
            job.refuse(failure.into());
            return Err(failure);
        }
        let partition: Box<[u8]> = job.partition().into();
        let mut transaction = SqliteTransaction::new(connection, &partition);
        let ran = job.run(&mut transaction);
        batch.written = batch.written.saturating_add(transaction.written());
        let result = transaction.result();
        // If the function has returned an error of its own, the caller gets this error.
        batch.replies.push((ran.reply, if ran.is_ok { result } else { Ok(()) }));
        point("delivery::request");
        let failure = match result {
            Err(StoreError::Io(failure) | StoreError::Corrupt(failure)) => Some(failure),
            _ => None,
        };
        if connection.is_autocommit() {
            // After some failures, SQLite rolls back the whole transaction.
            return Err(failure.unwrap_or_else(|| Failure::new(FailureKind::Internal, None)));
        }
        // After a failed sync, the batch must not be committed.
        if let Some(failure) = failure.filter(|failure| failure.kind == FailureKind::Sync) {
            return Err(failure);
        }
        if !ran.is_ok || result.is_err() {
            execute(connection, "ROLLBACK TO request")?;
        }
        execute(connection, "RELEASE request")
    }

    /// Commits the transaction. After an error, the operating system may or may not have written
    /// the commit to the log.
    fn commit(&self) -> Result<(), StoreError> {
        point("delivery::commit");
        let committed = execute(&self.connection, "COMMIT");
        point("delivery::committed");
        committed.map_err(|failure| {
            self.shard.common.stop_after(failure);
            StoreError::OutcomeUnknown(failure)
        })
    }

    /// Asks for a checkpoint if the log has become long.
    fn watch_log(&mut self) {
        // If the state cannot be read now, it is read after the next batch.
        if let Ok(log) = wal::state(&self.connection) {
            self.log = log;
            if log.bytes_to_copy() >= self.shard.common.config.checkpoint_bytes {
                self.shard.checkpoints.request();
            }
        }
    }
}

/// Returns an error to the callers of all jobs.
fn refuse(jobs: &mut VecDeque<Box<dyn Write>>, error: StoreError, counts: &Counts) {
    if error == StoreError::Overloaded {
        Counts::add(&counts.overloaded, jobs.len());
    }
    jobs.drain(..).for_each(|job| job.refuse(error));
}
