//! SQLite backend. The tables of a store are in a database that may also contain the application's
//! own tables. The module `slots` describes the tables of the backend.

use crate::backend::{Backend, Each, Guard, wait_for};
use crate::error::{IoKind, Misuse, Record};
use crate::log::Log;
use crate::store::Store;
use crate::transaction::Transaction;
use crate::{Key, StoreError, compact, slots};
use pando_mls::SecretBytes;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ffi};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Default timeout for a transaction that waits for a transaction of another process.
const WAIT: Duration = Duration::from_secs(5);

/// The longest timeout that SQLite supports. SQLite counts milliseconds in 31 bits.
const LONGEST_WAIT: Duration = Duration::from_millis(2_147_483_647);

/// Maximum number of attempts to overwrite the log while other connections write.
const ATTEMPTS: u8 = 3;

/// Capacity of the cache for prepared statements, which is enough for all statements of the
/// backend.
const STATEMENTS: usize = 32;

/// A SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    /// The folder of lock files.
    locks: PathBuf,
    log: Log,
    /// Whether the tables exist.
    tables: bool,
    /// Whether the journal mode was checked.
    journal: bool,
    /// Whether space must be filled with zeros before the log is written to the database. See
    /// `compact`.
    pub(crate) unfilled: bool,
    /// Whether commits are temporarily not durable, because the log is being restarted.
    relaxed: bool,
    /// Timeout for a transaction that waits for a transaction of another process.
    wait: Duration,
}

impl Sqlite {
    /// Opens a database, or creates a file that only its owner can read. Nothing is written to the
    /// file yet.
    ///
    /// While the database is open, no other code in this process may open and close its file, for
    /// instance to copy it. On most systems, closing the file releases the locks with which SQLite
    /// keeps other processes from writing at the same time.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`], [`StoreError::NotADatabase`], or [`StoreError::Corrupt`] if the
    /// schema of the database is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        create(path)?;
        Self::open_existing(path)
    }

    /// Opens an existing database.
    ///
    /// # Errors
    /// See [`Sqlite::open`].
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        // Each database needs a single name that does not depend on the working directory, because
        // the path of its locks is derived from that name.
        let path = &fs::canonicalize(path).map_err(opening)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(WAIT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        for (config, on) in [
            // Otherwise, SQLite would plan statements again depending on the values that are bound
            // to them.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
            // The schema comes from the file, which an attacker may have written. The schema must
            // not call functions with side effects, and SQL must not damage the file or the
            // journal.
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            // Otherwise, closing the last connection would remove the log, and its contents would
            // remain in the freed blocks.
            (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        ] {
            connection.set_db_config(config, on)?;
        }
        // None of these settings writes to the file. These settings ensure that deleted values are
        // overwritten, that no temporary files with copies are created, and that a committed
        // transaction is on the disk. On Apple's systems, `fsync` alone does not guarantee the
        // latter.
        let settings = "PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;
             PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA journal_size_limit = -1";
        connection.execute_batch(settings).map_err(first_read)?;
        let table = "SELECT 1 FROM sqlite_schema WHERE name = 'pando_records'";
        let tables = connection.query_row(table, [], |_| Ok(())).optional().map_err(first_read)?.is_some();
        let log = Log::new(path).map_err(opening)?;
        let mut locks = path.as_os_str().to_owned();
        locks.push(".locks");
        let (path, locks) = (path.into(), locks.into());
        let (journal, unfilled, relaxed) = (false, false, false);
        Ok(Self { connection, path, locks, log, tables, journal, unfilled, relaxed, wait: WAIT })
    }

    /// Sets the timeout for a transaction that waits for a transaction of another process. The
    /// default is five seconds.
    ///
    /// # Errors
    /// Returns [`Misuse::Wait`] if the timeout exceeds 2,147,483,647 milliseconds, which is 24.8
    /// days.
    pub fn set_wait(&mut self, wait: Duration) -> Result<(), StoreError> {
        if wait > LONGEST_WAIT {
            return Err(Misuse::Wait.into());
        }
        self.connection.busy_timeout(wait)?;
        self.wait = wait;
        Ok(())
    }

    /// Returns whether the database contains a store.
    #[must_use]
    pub const fn has_store(&self) -> bool {
        self.tables
    }

    /// Returns the connection, with which the application can read its own tables.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Returns the number that a statement selects.
    pub(crate) fn number(&self, sql: &str) -> Result<i64, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Returns a number that changes whenever another connection commits.
    pub(crate) fn data_version(&self) -> Result<i64, StoreError> {
        self.number("PRAGMA main.data_version")
    }

    /// Executes statements in a transaction.
    pub(crate) fn transaction<T>(
        &self,
        statements: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.execute("BEGIN IMMEDIATE")?;
        let done = statements().and_then(|value| self.execute("COMMIT").map(|()| value));
        if done.is_err() {
            self.end();
        }
        done
    }

    /// Rolls back the current transaction, if there is one.
    fn end(&self) {
        if !self.connection.is_autocommit() {
            // If this rollback fails, SQLite rolls the transaction back when the database is opened
            // again.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Checks that the transaction is still open. After some errors, SQLite ends the transaction
    /// and would then commit each further statement immediately.
    fn check_transaction(&self) -> Result<(), Misuse> {
        if self.connection.is_autocommit() { Err(Misuse::TransactionEnded) } else { Ok(()) }
    }

    /// Switches the database to WAL mode, if necessary.
    fn set_journal(&mut self) -> Result<(), StoreError> {
        if self.journal {
            return Ok(());
        }
        if self.number("PRAGMA main.auto_vacuum")? != 0 {
            return Err(Misuse::AutoVacuum.into());
        }
        let mode = |sql| self.connection.query_row(sql, [], |row| row.get::<_, String>(0));
        let mut found = mode("PRAGMA main.journal_mode")?;
        if found != "wal" {
            found = mode("PRAGMA main.journal_mode = WAL")?;
        }
        if found != "wal" {
            return Err(StoreError::JournalMode(found));
        }
        self.journal = true;
        Ok(())
    }

    /// Prepares the database for a transaction.
    fn prepare(&mut self) -> Result<(), StoreError> {
        self.set_journal()?;
        if self.relaxed {
            self.connection.execute_batch("PRAGMA main.synchronous = FULL")?;
            self.relaxed = false;
        }
        if !self.tables {
            self.connection.execute_batch(slots::TABLES)?;
            self.tables = true;
        }
        if self.unfilled {
            // Errors are ignored, because the disk may be full and the transaction has priority.
            // The log is not written to the database until the space has been filled.
            let _ = compact::refill(self);
        }
        Ok(())
    }

    /// Overwrites old contents in the log. See [`Log`].
    fn overwrite_log(&mut self) -> Result<(), StoreError> {
        if self.unfilled {
            compact::refill(self)?;
        }
        for _ in 0..ATTEMPTS {
            let seen = self.data_version()?;
            let frames = self.checkpoint("PRAGMA main.wal_checkpoint(PASSIVE)")?;
            match self.overwrite_behind(frames, seen)? {
                Overwritten::All => return Ok(()),
                Overwritten::Changed => continue,
                Overwritten::Superseded => {}
            }
            // After this checkpoint, no connection reads the log, and the next transaction restarts
            // it.
            self.checkpoint("PRAGMA main.wal_checkpoint(RESTART)")?;
            self.restart_log()?;
            let frames = self.frames()?;
            if self.overwrite_behind(frames, seen)? == Overwritten::All {
                return Ok(());
            }
        }
        Err(StoreError::Busy)
    }

    /// Writes the log to the database, and returns the number of its frames.
    fn checkpoint(&self, sql: &str) -> Result<u64, StoreError> {
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (busy, frames, written): (bool, i64, i64) =
            self.connection.prepare_cached(sql)?.query_row([], row)?;
        match u64::try_from(frames) {
            _ if busy => Err(StoreError::Busy),
            // SQLite returns a negative number in any other journal mode.
            Err(_) => Err(StoreError::JournalMode("unknown".into())),
            Ok(_) if frames != written => Err(StoreError::Busy),
            Ok(frames) => Ok(frames),
        }
    }

    /// Returns the number of frames in the log.
    fn frames(&self) -> Result<u64, StoreError> {
        let sql = "PRAGMA main.wal_checkpoint(NOOP)";
        let frames: i64 = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(1))?;
        u64::try_from(frames).map_err(|_| StoreError::JournalMode("unknown".into()))
    }

    /// Overwrites the log after its first `frames` frames, unless another connection has written
    /// since the data version was `seen`. Holds the write lock during this time.
    fn overwrite_behind(&mut self, frames: u64, seen: i64) -> Result<Overwritten, StoreError> {
        self.execute("BEGIN IMMEDIATE")?;
        let overwritten = match self.data_version() {
            Ok(version) if version == seen => match self.log.overwrite(frames) {
                Ok(true) => Ok(Overwritten::All),
                Ok(false) => Ok(Overwritten::Superseded),
                Err(error) => Err(error),
            },
            Ok(_) => Ok(Overwritten::Changed),
            Err(error) => Err(error),
        };
        self.end();
        overwritten
    }

    /// Restarts the log with a transaction that rewrites the first page unchanged. This transaction
    /// need not be durable.
    fn restart_log(&mut self) -> Result<(), StoreError> {
        self.relaxed = true;
        self.connection.execute_batch("PRAGMA main.synchronous = NORMAL")?;
        let restarted = self.transaction(|| {
            let version = self.number("PRAGMA main.user_version")?;
            Ok(self.connection.execute_batch(&format!("PRAGMA main.user_version = {version}"))?)
        });
        let restored = self.connection.execute_batch("PRAGMA main.synchronous = FULL");
        self.relaxed = restored.is_err();
        restarted.and(restored.map_err(StoreError::from))
    }
}

/// The result of overwriting the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overwritten {
    All,
    /// Another connection has written while the log was being overwritten.
    Changed,
    /// Frames that SQLite may still read contain superseded pages.
    Superseded,
}

impl Store<Sqlite> {
    /// Opens the store in a file, or creates a store if the file contains none.
    ///
    /// # Errors
    /// See [`Store::new`] and [`Sqlite::open`].
    pub fn open(path: impl AsRef<Path>, key: &Key) -> Result<Self, StoreError> {
        Self::new(Sqlite::open(path)?, key)
    }

    /// Returns the connection, with which the application can read its own tables. The names of
    /// these tables must not begin with `pando_`.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        self.backend().connection()
    }
}

impl Transaction<'_, Sqlite> {
    /// Returns the connection within this transaction. The application's writes to its own tables
    /// take effect together with the transaction, or not at all. The application must not end the
    /// transaction with an SQL statement.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        self.store.connection()
    }
}

impl Backend for Sqlite {
    fn again(&self) -> Result<Self, StoreError> {
        let mut again = Self::open_existing(&self.path)?;
        again.set_wait(self.wait)?;
        if again.tables {
            again.set_journal()?;
        }
        Ok(again)
    }

    fn ready(&mut self) -> Result<(), StoreError> {
        self.set_journal()?;
        if self.tables {
            self.unfilled = true;
            // If the refill fails, the log is not written to the database until a later attempt
            // succeeds.
            let _ = compact::refill(self);
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.prepare()?;
        self.execute("BEGIN IMMEDIATE")
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.check_transaction()?;
        self.execute("COMMIT")
    }

    fn rollback(&mut self) {
        self.end();
    }

    fn get(&self, key: &[u8]) -> Result<Option<SecretBytes>, StoreError> {
        if self.tables { slots::get(&self.connection, key) } else { Ok(None) }
    }

    fn scan(&self, range: Range<&[u8]>, each: &mut Each<'_>) -> Result<(), StoreError> {
        if self.tables { slots::scan(&self.connection, range, each) } else { Ok(()) }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.check_transaction()?;
        slots::put(&self.connection, key, value)
    }

    fn delete(&mut self, range: Range<&[u8]>) -> Result<(), StoreError> {
        self.check_transaction()?;
        slots::delete(&self.connection, range)
    }

    fn lock(&self, name: &[u8; 16], wait: Duration) -> Result<Guard, StoreError> {
        fs::create_dir_all(&self.locks).map_err(opening)?;
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        // The lock file is never removed. Otherwise, two processes could each lock a different file
        // with the same name.
        let path = self.locks.join(name);
        let file = private().create(true).truncate(false).write(true).open(path).map_err(opening)?;
        wait_for(wait, || attempt(&file))?;
        Ok(Guard::new(file))
    }

    fn erase(&mut self) -> Result<(), StoreError> {
        if !self.tables {
            return Ok(());
        }
        self.set_journal()?;
        // Do not wait for readers, because the log can be overwritten later.
        self.connection.busy_timeout(Duration::ZERO)?;
        let overwritten = self.overwrite_log();
        self.connection.busy_timeout(self.wait)?;
        overwritten
    }

    fn compact(&mut self) -> Result<(), StoreError> {
        self.prepare()?;
        slots::drop_free(&self.connection)?;
        compact::run(self)
    }
}

fn attempt(file: &File) -> Result<Option<()>, StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(opening(error)),
    }
}

/// Creates the file of a database if it does not exist. An existing file is not opened. A process
/// that closes a file loses all its locks on that file, and SQLite holds locks on it while the
/// database is open.
fn create(path: &Path) -> Result<(), StoreError> {
    // The lock ensures that no other thread that creates the file opens the database before this
    // thread has closed the new file.
    static CREATING: Mutex<()> = Mutex::new(());
    let _creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    // A symbolic link may point to a file that does not exist yet.
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private().create(true).truncate(false).write(true).open(path).map(drop).map_err(opening)
        }
        // SQLite would open a read-only file, and would fail at the first write.
        Ok(found) if found.permissions().readonly() => Err(opening(io::ErrorKind::PermissionDenied.into())),
        found => found.map(drop).map_err(opening),
    }
}

/// Returns the options for creating a file that only its owner can read.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode to set"))]
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn opening(error: io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => IoKind::Full,
        _ => IoKind::Open,
    };
    StoreError::Io { kind, source: Box::new(error) }
}

/// Converts an error of the statements that are the first to read a file.
fn first_read(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase,
        _ => error.into(),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(&ffi::Error { code, extended_code }) = error.sqlite_error() else {
            return Misuse::Sql(error.to_string()).into();
        };
        let kind = match code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => return Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                return Self::Corrupt(Record::Database);
            }
            ErrorCode::OutOfMemory => return Self::OutOfMemory,
            ErrorCode::DiskFull => IoKind::Full,
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => IoKind::Open,
            ErrorCode::SystemIoFailure => match extended_code {
                ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ => IoKind::Read,
                _ => IoKind::Write,
            },
            _ => return Misuse::Sql(error.to_string()).into(),
        };
        Self::Io { kind, source: Box::new(error) }
    }
}
