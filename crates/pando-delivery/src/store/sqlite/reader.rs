//! The readers of a file. Each reader has a thread and a connection of its own.

use crate::store::error::{Failure, FailureKind, StoreError};
use crate::store::interface::Snapshot;
use crate::store::sqlite::connection::execute;
use crate::store::sqlite::job::Read;
use crate::store::sqlite::rows::SqliteSnapshot;
use crate::store::sqlite::shard::{Shard, StopOnPanic};
use rusqlite::Connection;
use std::sync::Arc;

/// Processes read requests until the queue is closed.
pub(super) fn run(shard: &Arc<Shard>, connection: &Connection) {
    let _stop = StopOnPanic(Arc::clone(shard));
    loop {
        let mut reads = shard.reads.take(1, usize::MAX);
        let Some(read) = reads.pop_front() else { return };
        answer(shard, connection, read);
    }
}

fn answer(shard: &Shard, connection: &Connection, read: Read<Connection>) {
    let begun = shard.common.check().and_then(|()| Ok(execute(connection, "BEGIN")?));
    if let Err(error) = begun {
        return read(Err(error))();
    }
    let reply = read(Ok(connection));
    // The transaction has changed nothing. If it cannot be ended, the next BEGIN fails.
    if execute(connection, "COMMIT").is_err() {
        let _ = execute(connection, "ROLLBACK");
    }
    reply();
}

/// Returns a function that reads a snapshot of one partition.
pub(super) fn of_partition<T, E>(
    partition: &[u8],
    work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
) -> impl FnOnce(&Connection) -> Result<T, E> + Send + 'static {
    let partition: Box<[u8]> = partition.into();
    move |connection| work(&SqliteSnapshot::new(connection, &partition))
}

/// The error for a read request that is lost because its thread has ended.
pub(super) const LOST_READ: StoreError = StoreError::Io(Failure::new(FailureKind::Internal, None));
