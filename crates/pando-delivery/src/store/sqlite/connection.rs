//! Connections to a SQLite file, and the errors of SQLite.

use crate::store::error::{Failure, FailureKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, ffi};
use std::path::Path;
use std::time::Duration;

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
    Checkpointer,
}

/// The settings of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) cache_bytes: u32,
    /// Length to which the log is shortened when it starts from its beginning.
    pub(super) log_bytes: u64,
    pub(super) is_durable: bool,
}

/// Timeout for a lock that another process holds, for instance a program for backups.
const WAIT: Duration = Duration::from_secs(5);

/// Timeout for readers that prevent the log from starting from its beginning. The writer waits
/// during this time.
const WAIT_FOR_READERS: Duration = Duration::from_millis(100);

/// Capacity of the cache for prepared statements, which is enough for all statements of a
/// connection.
const STATEMENTS: usize = 32;

/// The reason why a connection cannot be used.
#[derive(Debug)]
pub(super) enum ConnectionError {
    Failure(Failure),
    /// SQLite did not accept the setting of this name.
    Setting(&'static str),
}

impl From<Error> for ConnectionError {
    fn from(error: Error) -> Self {
        Self::Failure(failure(&error))
    }
}

/// Opens an existing file.
pub(super) fn open(path: &Path, role: Role, settings: Settings) -> Result<Connection, ConnectionError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(if role == Role::Checkpointer { WAIT_FOR_READERS } else { WAIT })?;
    for (name, config, is_on) in [
        // Otherwise, SQLite would plan statements again depending on the values that are bound to
        // them.
        ("enable_qpsg", DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        // Functions in a schema that an attacker has written to the file must not have side
        // effects.
        ("trusted_schema", DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        ("defensive", DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        // A connection closes after a failed sync, too, and must not write to the database then.
        ("no_ckpt_on_close", DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        if connection.set_db_config(config, is_on)? != is_on {
            return Err(ConnectionError::Setting(name));
        }
    }
    let journal: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if journal != "wal" {
        return Err(ConnectionError::Setting("journal_mode"));
    }
    for (name, value) in [
        // 2 is FULL: each commit syncs the log before it returns. On Apple's systems, `fsync` alone
        // does not guarantee that the data is on the disk, but `fullfsync` does.
        ("synchronous", if settings.is_durable { 2 } else { 0 }),
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        // The checkpointer decides when the log is copied.
        ("wal_autocheckpoint", 0),
        ("journal_size_limit", i64::try_from(settings.log_bytes).unwrap_or(i64::MAX)),
        // 2 is MEMORY: SQLite creates no temporary files.
        ("temp_store", 2),
        // A negative value is a number of KiB.
        ("cache_size", i64::from(settings.cache_bytes / 1_024).saturating_neg()),
        ("query_only", i64::from(role == Role::Reader)),
    ] {
        set(&connection, name, &value.to_string(), value)?;
    }
    // With FAST, SQLite overwrites deleted rows if this requires no additional writes.
    set(&connection, "secure_delete", "FAST", 2)?;
    Ok(connection)
}

/// Changes a setting, and checks that SQLite reports the number `expected` for it. SQLite ignores
/// unknown settings silently.
fn set(
    connection: &Connection,
    name: &'static str,
    value: &str,
    expected: i64,
) -> Result<(), ConnectionError> {
    // Some of these statements return a row and others do not. `execute_batch` ignores rows.
    connection.execute_batch(&format!("PRAGMA {name} = {value}"))?;
    let found: i64 = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?;
    if found == expected { Ok(()) } else { Err(ConnectionError::Setting(name)) }
}

/// Executes a statement that returns no rows.
pub(super) fn execute(connection: &Connection, sql: &str) -> Result<(), Failure> {
    let executed = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    executed.map(drop).map_err(|error| failure(&error))
}

/// Classifies an error of SQLite. The text of the error is dropped, because it can contain paths.
pub(super) fn failure(error: &Error) -> Failure {
    let Some(&ffi::Error { code, extended_code }) = error.sqlite_error() else {
        return Failure::new(FailureKind::Internal, None);
    };
    let kind = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => FailureKind::Busy,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => FailureKind::Corrupt,
        ErrorCode::OutOfMemory => FailureKind::Memory,
        ErrorCode::DiskFull => FailureKind::Full,
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => FailureKind::Open,
        ErrorCode::SystemIoFailure => match extended_code {
            ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ => FailureKind::Read,
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => FailureKind::Sync,
            _ => FailureKind::Write,
        },
        _ => FailureKind::Internal,
    };
    Failure::new(kind, Some(extended_code))
}
