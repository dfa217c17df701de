//! Backups of a running store, and their restoration.

use crate::store::sqlite::config::SqliteConfig;
use crate::store::sqlite::connection::{self, Role, Settings};
use crate::store::sqlite::folder::{self, Folder, Meta};
use crate::store::sqlite::open_error::OpenError;
use crate::store::sqlite::rows;
use crate::store::sqlite::shard::Shard;
use rusqlite::Connection;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Maximum time for the checkpoint of each file after a backup.
const CHECKPOINT: Duration = Duration::from_secs(60);

/// Counts a running backup until it is dropped.
struct Running<'a> {
    running: &'a AtomicUsize,
    shards: &'a [Arc<Shard>],
}

impl<'a> Running<'a> {
    fn new(running: &'a AtomicUsize, shards: &'a [Arc<Shard>]) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Self { running, shards }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // During the backup, the logs could exceed their maximum length. They are copied before the
        // maximum applies again, because requests would be refused otherwise. The checkpoint that
        // ends first may have begun during the backup, so a second one follows.
        for shard in self.shards {
            let _ = shard.checkpoints.request_and_wait(CHECKPOINT)
                && shard.checkpoints.request_and_wait(CHECKPOINT);
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Copies all files of a store to an empty folder.
///
/// All snapshots begin at the same moment, at which no file has an unfinished batch. Otherwise, the
/// copy of one file could say that something was written to another file whose copy is older.
pub(super) fn copy(source: &Folder, meta: Meta, shards: &[Arc<Shard>], to: &Path) -> Result<(), OpenError> {
    let Some(common) = shards.first().map(|shard| &shard.common) else { return Ok(()) };
    let settings = common.config.settings();
    let target = Folder::lock(to)?;
    let names = fs::read_dir(target.path())?.map(|entry| entry.map(|entry| entry.file_name()));
    if names.collect::<Result<Vec<_>, _>>()?.iter().any(|name| name != "lock") {
        return Err(OpenError::NotEmpty);
    }
    let _running = Running::new(&common.backups, shards);
    let numbers = || 0..meta.shards;
    let connections: Result<Vec<_>, _> =
        numbers().map(|number| attach(source, &target, (meta, number), settings)).collect();
    let connections = connections?;
    {
        let _turns: Vec<_> = shards.iter().map(|shard| shard.gate.guest()).collect();
        for connection in &connections {
            // A snapshot begins with the first read.
            connection.execute_batch("BEGIN; SELECT count(*) FROM main.meta")?;
        }
    }
    // As in a new store, the first file is completed last.
    for (number, connection) in numbers().zip(connections).rev() {
        connection.execute_batch(rows::COPY)?;
        connection.execute_batch("COMMIT")?;
        // The rows are on the disk now. Within one transaction, this entry could reach the disk
        // before the rows.
        folder::write_entry(&connection, "copy", (Meta { is_backup: true, ..meta }, number))?;
        drop(connection);
        File::open(target.shard(number))?.sync_all()?;
        // If the backup is copied over a store, the empty log replaces the log of that store.
        folder::private().create_new(true).write(true).open(target.log(number))?;
        folder::sync_folder(target.path())?;
    }
    Ok(())
}

/// Opens a shard, and attaches an empty database for its copy under the name `copy`.
fn attach(
    source: &Folder,
    target: &Folder,
    (meta, number): (Meta, u16),
    settings: Settings,
) -> Result<Connection, OpenError> {
    let connection = connection::open(&source.shard(number), Role::Writer, settings)?;
    let path = target.shard(number);
    folder::private().create_new(true).write(true).open(&path)?;
    connection.execute("ATTACH ?1 AS copy", [path.to_str().ok_or(OpenError::Path)?])?;
    // The copy needs no durable journal, because an incomplete copy is useless. Each transaction
    // syncs the file.
    connection.execute_batch("PRAGMA copy.journal_mode = MEMORY; PRAGMA copy.synchronous = FULL; BEGIN")?;
    folder::create_meta(&connection, "copy")?;
    // With an impossible number, the file belongs to no store until the copy is complete.
    let incomplete = (Meta { is_backup: true, ..meta }, u16::MAX);
    folder::write_entry(&connection, "copy", incomplete)?;
    connection.execute_batch(&rows::tables("copy"))?;
    connection.execute_batch("COMMIT")?;
    Ok(connection)
}

/// Sets the incarnation of a store that is not open.
pub(super) fn set_incarnation(path: &Path, incarnation: u64) -> Result<(), OpenError> {
    if !path.exists() {
        return Err(OpenError::NoStore);
    }
    let settings = SqliteConfig::default().settings();
    let folder = Folder::lock(path)?;
    let meta = folder.meta(settings)?.ok_or(OpenError::NoStore)?;
    if incarnation <= meta.incarnation || i64::try_from(incarnation).is_err() {
        return Err(OpenError::Incarnation(meta.incarnation));
    }
    folder.update(Meta { incarnation, is_backup: false, ..meta }, settings)
}
