//! The checkpointer of a file, which copies the log to the database.
//!
//! The checkpointer has a connection of its own, so that the writer continues during a checkpoint.
//! Commits during a checkpoint extend the log. As long as a part of the log is not copied, the log
//! cannot start from its beginning. When the log has a quarter of its maximum length, the
//! checkpointer therefore makes the writer wait for a moment, and copies the few commits that have
//! arrived during the checkpoint.

use crate::store::error::Failure;
use crate::store::faults::point;
use crate::store::sqlite::shard::{Counts, Shard, StopOnPanic};
use crate::store::sqlite::wal;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// Time after a failed checkpoint, before the next one begins.
const PAUSE: Duration = Duration::from_millis(50);

/// Performs the checkpoints that the writer asks for, until the signal is closed.
pub(super) fn run(shard: &Arc<Shard>, connection: &Connection) {
    let _stop = StopOnPanic(Arc::clone(shard));
    let (common, counts) = (&shard.common, &shard.common.counts);
    while shard.checkpoints.wait() {
        let mut pause = Duration::ZERO;
        if common.failure().is_none() {
            point("delivery::checkpoint");
            match checkpoint(shard, connection) {
                Ok(()) => Counts::add(&counts.checkpoints, 1),
                Err(failure) => {
                    // If the disk is full, the log remains, and a later checkpoint copies it.
                    common.stop_after(failure);
                    Counts::add(&counts.failed_checkpoints, 1);
                    pause = PAUSE;
                }
            }
            point("delivery::checkpointed");
        }
        shard.checkpoints.ended();
        thread::sleep(pause);
    }
    // All other threads of this file have ended, unless one of them has dropped the store.
    if common.failure().is_none() {
        // If this fails, the log remains, and the next process reads it.
        let _ = wal::truncate(connection);
    }
}

fn checkpoint(shard: &Shard, connection: &Connection) -> Result<(), Failure> {
    let common = &shard.common;
    let log = wal::copy(connection)?;
    let is_long = log.bytes() >= common.config.log_bytes / 4;
    // If a reader needs an old part of the log, waiting for the reader would make the writer wait
    // in vain. A backup is such a reader, too.
    if is_long && log.is_copied() && common.backups.load(Ordering::Relaxed) == 0 {
        let _turn = shard.gate.guest();
        wal::restart(connection)?;
    }
    Ok(())
}
