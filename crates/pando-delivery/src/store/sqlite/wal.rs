//! The state of the write-ahead log, and checkpoints.

use crate::store::error::Failure;
use crate::store::sqlite::connection::failure;
use rusqlite::Connection;

/// Size of a page of a database, and of the part of the log that holds a page.
const PAGE: u64 = 4_096;

/// The state of the log of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LogState {
    /// Number of pages in the log.
    frames: u64,
    /// Number of these pages that a checkpoint has copied to the database.
    copied: u64,
}

impl LogState {
    /// Returns the length of the log in bytes.
    pub(super) const fn bytes(self) -> u64 {
        self.frames.saturating_mul(PAGE)
    }

    /// Returns the length of the part that is not in the database yet.
    pub(super) const fn bytes_to_copy(self) -> u64 {
        self.frames.saturating_sub(self.copied).saturating_mul(PAGE)
    }

    /// Returns whether the database contains the whole log. The next commit then starts the log
    /// from its beginning, unless a reader prevents this.
    pub(super) const fn is_copied(self) -> bool {
        self.bytes_to_copy() == 0
    }
}

/// Returns the state of the log, and changes nothing.
pub(super) fn state(connection: &Connection) -> Result<LogState, Failure> {
    checkpoint(connection, "PRAGMA main.wal_checkpoint(NOOP)")
}

/// Copies the log to the database as far as possible, and waits neither for readers nor for the
/// writer.
pub(super) fn copy(connection: &Connection) -> Result<LogState, Failure> {
    checkpoint(connection, "PRAGMA main.wal_checkpoint(PASSIVE)")
}

/// Copies the log to the database, and waits until no reader reads the log, so that the next commit
/// starts the log from its beginning. The caller holds the gate.
pub(super) fn restart(connection: &Connection) -> Result<LogState, Failure> {
    checkpoint(connection, "PRAGMA main.wal_checkpoint(RESTART)")
}

/// Copies the log to the database and empties the log.
pub(super) fn truncate(connection: &Connection) -> Result<LogState, Failure> {
    checkpoint(connection, "PRAGMA main.wal_checkpoint(TRUNCATE)")
}

fn checkpoint(connection: &Connection, sql: &str) -> Result<LogState, Failure> {
    let numbers: Result<(i64, i64), _> = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?))));
    let (frames, copied) = numbers.map_err(|error| failure(&error))?;
    // SQLite returns negative numbers if there is no log.
    Ok(LogState {
        frames: u64::try_from(frames).unwrap_or_default(),
        copied: u64::try_from(copied).unwrap_or_default(),
    })
}
