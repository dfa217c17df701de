//! The folder of a store: its lock, its files, and the table `meta`, which describes the store.
//!
//! The files are `lock` and one database per shard: `shard-000.sqlite` and so on, with the log and
//! the log index of SQLite beside them. Each database has the format version as its `user_version`,
//! and one row in its table `meta`. The incarnation and the mark of a backup are valid in the first
//! file only, so that they change atomically.

use crate::store::error::{Failure, FailureKind};
use crate::store::sqlite::config::SqliteConfig;
use crate::store::sqlite::connection::{self, Role, Settings};
use crate::store::sqlite::open_error::OpenError;
use crate::store::sqlite::rows;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The version of the format of the files.
const FORMAT: i64 = 2;

/// The `application_id` of the files, "PDdl" in ASCII, by which tools recognise the files.
const APPLICATION: i64 = 0x5044_646c;

/// The end of a log's name, which follows the name of the database.
const LOG: &str = "-wal";

/// The folder of a store, which is locked until this value is dropped.
pub(super) struct Folder {
    path: PathBuf,
    /// The operating system releases the lock when the file is closed, even if the process dies.
    _lock: File,
}

/// The description of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// Random bytes that identify the store. Backups keep them.
    pub(super) store_id: [u8; 16],
    pub(super) shards: u16,
    pub(super) incarnation: u64,
    pub(super) is_backup: bool,
}

/// A file's own entry of [`Meta`], with the number of the file.
type Entry = (Meta, u16);

impl Folder {
    /// Locks a folder, which is created if it does not exist, and makes its logs durable.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        create_folder(path)?;
        // An absolute path does not depend on the working directory, and SQLite does not mistake it
        // for a URI.
        let path = fs::canonicalize(path)?;
        let lock = private().create(true).truncate(false).write(true).open(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let folder = Self { path, _lock: lock };
        folder.sync_logs()?;
        Ok(folder)
    }

    /// Makes the logs of all files durable, before SQLite reads them.
    ///
    /// If the process before has been killed, or if a sync has failed, a log can contain commits
    /// that are only in the page cache of the operating system. SQLite would return these commits
    /// to readers without syncing the log, and a power cut would then undo them.
    fn sync_logs(&self) -> Result<(), OpenError> {
        let mut is_synced = false;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let is_log = entry.file_name().to_str().is_some_and(|name| name.ends_with(LOG));
            if is_log && entry.metadata()?.len() > 0 {
                sync_log(&entry.path())?;
                is_synced = true;
            }
        }
        if is_synced {
            sync_folder(&self.path)?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a shard's file.
    pub(super) fn shard(&self, number: u16) -> PathBuf {
        self.path.join(format!("shard-{number:03}.sqlite"))
    }

    /// Returns the path of a shard's log.
    pub(super) fn log(&self, number: u16) -> PathBuf {
        self.path.join(format!("shard-{number:03}.sqlite{LOG}"))
    }

    /// Returns the description of the store, or an error if a file does not belong to it. Returns
    /// `None` if the first file does not exist or its creation was interrupted.
    pub(super) fn meta(&self, settings: Settings) -> Result<Option<Meta>, OpenError> {
        let Some((meta, own)) = self.entry(0, settings)? else { return Ok(None) };
        if own != 0 {
            return Err(OpenError::OtherFile(0));
        }
        for number in 1..meta.shards {
            let fits = |(other, own): Entry| {
                own == number && other.store_id == meta.store_id && other.shards == meta.shards
            };
            if !self.entry(number, settings)?.is_some_and(fits) {
                return Err(OpenError::OtherFile(number));
            }
        }
        Ok(Some(meta))
    }

    fn entry(&self, number: u16, settings: Settings) -> Result<Option<Entry>, OpenError> {
        let path = self.shard(number);
        // SQLite's connections need a file that exists. An empty file is one whose creation was
        // interrupted.
        if fs::metadata(&path).map_or(true, |metadata| metadata.len() == 0) {
            return Ok(None);
        }
        let connection = connection::open(&path, Role::Writer, settings)?;
        let number_of = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let format = number_of("PRAGMA user_version")?;
        if number_of("SELECT count(*) FROM sqlite_schema")? == 0 {
            return Ok(None);
        }
        if number_of("PRAGMA application_id")? != APPLICATION {
            return Err(OpenError::NotAStore(number));
        }
        if format > FORMAT {
            return Err(OpenError::Newer { found: format, known: FORMAT });
        }
        if format < FORMAT {
            return Err(OpenError::Older { found: format, known: FORMAT });
        }
        read_entry(&connection)
    }

    /// Creates a store. If an earlier creation was interrupted, continues it.
    pub(super) fn create(&self, shards: u16, settings: Settings) -> Result<Meta, OpenError> {
        self.check_remains(shards)?;
        let mut store_id = [0; 16];
        getrandom::fill(&mut store_id).map_err(|_| OpenError::Random)?;
        let meta = Meta { store_id, shards, incarnation: 1, is_backup: false };
        // The first file is written last. A store exists when the first file is complete.
        for number in (0..shards).rev() {
            if self.entry(number, settings)?.is_some() {
                self.check_unused(number, settings)?;
            }
            let connection = create_file(&self.shard(number), settings)?;
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let tables = number_of_tables(&connection)?;
            if tables == 0 {
                connection.execute_batch(&rows::tables("main"))?;
                create_meta(&connection, "main")?;
            }
            write_entry(&connection, "main", (meta, number))?;
            connection.execute_batch("COMMIT")?;
            sync_folder(&self.path)?;
        }
        Ok(meta)
    }

    /// Checks that the folder contains no remains of another store: no file with a higher number,
    /// and no log without its database, which SQLite would delete.
    fn check_remains(&self, shards: u16) -> Result<(), OpenError> {
        let has_bytes = |path: PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0);
        for number in 0..SqliteConfig::MAX_SHARDS {
            let is_superfluous = number >= shards && self.shard(number).exists();
            let is_orphaned = has_bytes(self.log(number)) && !has_bytes(self.shard(number));
            if is_superfluous || is_orphaned {
                return Err(OpenError::OtherFile(number));
            }
        }
        Ok(())
    }

    /// Checks that a file has no rows, because it is left over from an interrupted creation. If the
    /// file has rows, the first file of the store was lost.
    fn check_unused(&self, number: u16, settings: Settings) -> Result<(), OpenError> {
        let connection = connection::open(&self.shard(number), Role::Reader, settings)?;
        let row = connection.query_row("SELECT 1 FROM entries LIMIT 1", [], |_| Ok(())).optional()?;
        if row.is_some() { Err(OpenError::OtherFile(0)) } else { Ok(()) }
    }

    /// Writes the description into the first file.
    pub(super) fn update(&self, meta: Meta, settings: Settings) -> Result<(), OpenError> {
        let connection = connection::open(&self.shard(0), Role::Writer, settings)?;
        Ok(write_entry(&connection, "main", (meta, 0))?)
    }
}

impl Meta {
    /// Returns the number of the file that contains a partition. Clients choose the names of some
    /// partitions. The hash includes the random identifier of the store, so that clients cannot
    /// choose names that are all in one file.
    pub(super) fn shard_of(&self, partition: &[u8]) -> u16 {
        let hash = Sha256::new().chain_update(self.store_id).chain_update(partition).finalize();
        let number = hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let number = number.checked_rem(u64::from(self.shards)).unwrap_or_default();
        u16::try_from(number).unwrap_or_default()
    }
}

impl SqliteConfig {
    /// Returns the settings of a connection.
    pub(super) const fn settings(&self) -> Settings {
        let Self { cache_bytes, log_bytes, is_durable, .. } = *self;
        Settings { cache_bytes, log_bytes: log_bytes / 4, is_durable }
    }
}

/// Opens the file of a shard. If the file does not exist, creates a file that only its owner can
/// read. An existing file is not opened by this process except by SQLite: closing it would release
/// the locks of SQLite.
pub(super) fn create_file(path: &Path, settings: Settings) -> Result<Connection, OpenError> {
    if !path.exists() {
        private().create_new(true).write(true).open(path)?;
    }
    Ok(connection::open(path, Role::Writer, settings)?)
}

/// Creates the table `meta` in a schema.
pub(super) fn create_meta(connection: &Connection, schema: &str) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!(
        "CREATE TABLE {schema}.meta (
             one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
             store_id BLOB NOT NULL,
             shard INTEGER NOT NULL,
             shards INTEGER NOT NULL,
             incarnation INTEGER NOT NULL,
             is_backup INTEGER NOT NULL
         ) STRICT;
         PRAGMA {schema}.application_id = {APPLICATION};
         PRAGMA {schema}.user_version = {FORMAT};"
    ))
}

/// Writes a file's own description.
pub(super) fn write_entry(
    connection: &Connection,
    schema: &str,
    (meta, number): (Meta, u16),
) -> Result<(), rusqlite::Error> {
    let incarnation = i64::try_from(meta.incarnation).unwrap_or(i64::MAX);
    let values = (meta.store_id, number, meta.shards, incarnation, meta.is_backup);
    connection
        .execute(&format!("INSERT OR REPLACE INTO {schema}.meta VALUES (1, ?1, ?2, ?3, ?4, ?5)"), values)?;
    Ok(())
}

fn number_of_tables(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

fn read_entry(connection: &Connection) -> Result<Option<Entry>, OpenError> {
    let sql = "SELECT store_id, shard, shards, incarnation, is_backup FROM meta";
    let entry = connection.query_row(sql, [], |row| {
        let incarnation = u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default();
        let meta = Meta { store_id: row.get(0)?, shards: row.get(2)?, incarnation, is_backup: row.get(4)? };
        Ok((meta, row.get(1)?))
    });
    Ok(entry.optional()?)
}

/// Creates a folder that only its owner can read, and the folders above it, if they do not exist.
fn create_folder(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode to set"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        // A relative path with one component has an empty parent.
        sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
    }
    Ok(())
}

/// Makes the creation of files durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Other systems than Unix cannot open a folder.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Writes the contents of a log to the log again, and syncs the log. A sync alone would not be
/// enough: after a failed sync, the operating system considers the pages that it could not write to
/// be written.
fn sync_log(path: &Path) -> Result<(), OpenError> {
    let mut log = File::options().read(true).write(true).open(path)?;
    let mut part = vec![0; 1 << 20];
    let mut position = 0_u64;
    loop {
        log.seek(SeekFrom::Start(position))?;
        let len = log.read(&mut part)?;
        let Some(part) = part.get(..len).filter(|part| !part.is_empty()) else { break };
        log.seek(SeekFrom::Start(position))?;
        log.write_all(part)?;
        position = position.saturating_add(u64::try_from(len).unwrap_or_default());
    }
    log.sync_all().map_err(|error| Failure::new(FailureKind::Sync, error.raw_os_error()).into())
}

/// Returns the options for creating a file that only its owner can read.
pub(super) fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode to set"))]
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
