//! The store and its threads.

use crate::store::error::{Failure, Limit, StoreError};
use crate::store::interface::{Snapshot, Store, Transaction};
use crate::store::range::Due;
use crate::store::sqlite::config::SqliteConfig;
use crate::store::sqlite::connection::{self, Role};
use crate::store::sqlite::folder::{Folder, Meta};
use crate::store::sqlite::job;
use crate::store::sqlite::open_error::OpenError;
use crate::store::sqlite::queue::Refused;
use crate::store::sqlite::shard::{Common, Counts, Shard};
use crate::store::sqlite::writer::Writer;
use crate::store::sqlite::{backup, checkpointer, reader, rows};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// A store in one or more SQLite files.
///
/// Each file has a thread that writes, a few threads that read, and a thread that copies the
/// write-ahead log to the database. The futures of this store work with any executor.
///
/// The writer of a file commits all requests that wait in one batch, and answers them after the
/// commit. If the log cannot be synced, the store stops: all later requests return
/// [`StoreError::Stopped`], and [`SqliteStore::failed`] returns. The process must then exit and
/// open the store again, because only the disk tells which writes were durable.
///
/// When the store is dropped, its threads end. Dropping blocks for a moment, while the last
/// checkpoint runs. The functions and results of requests should not own the store: if a thread of
/// the store drops it, the drop cannot wait, and the folder remains locked until the threads have
/// ended.
///
/// # Backups
///
/// [`SqliteStore::backup`] copies a running store to a folder. To restore the backup:
///
/// 1. Stop the server. Move the old folder of the store away, because its logs belong to its
///    databases. Copy the folder of the backup to the place of the store.
/// 2. Choose an incarnation that is higher than every incarnation that the store has had before:
///    for instance, the maximum of the old store's incarnation plus one and of the time in
///    milliseconds. The incarnation of the backup plus one is not enough, because the same backup
///    may have been restored before. Set the incarnation with [`SqliteStore::set_incarnation`].
/// 3. Start the server.
///
/// A backup is marked, and [`SqliteStore::open`] refuses it until it has a new incarnation. Copies
/// that other programs make, for instance snapshots of the file system, are not marked. They must
/// contain all files of the folder as of one moment.
pub struct SqliteStore {
    shards: Vec<Arc<Shard>>,
    common: Arc<Common>,
    /// Each thread owns the folder, too, so that the folder is locked until all threads have ended.
    folder: Arc<Folder>,
    meta: Meta,
    /// The writers and readers.
    workers: Vec<JoinHandle<()>>,
    checkpointers: Vec<JoinHandle<()>>,
}

/// Numbers for monitoring, all since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Number of write requests that were answered after a commit or a failed commit.
    pub requests: u64,
    /// Number of batches.
    pub batches: u64,
    /// Number of batches that could not be committed.
    pub failed_batches: u64,
    /// Number of requests that failed with [`StoreError::Overloaded`].
    pub overloaded: u64,
    /// Number of checkpoints.
    pub checkpoints: u64,
    /// Number of checkpoints that have failed.
    pub failed_checkpoints: u64,
}

impl SqliteStore {
    /// Opens the store in a folder. Creates the folder and the store if they do not exist.
    ///
    /// # Errors
    /// Returns [`OpenError::Locked`] if the store is already open, [`OpenError::OtherShardCount`]
    /// if it was created with another number of files, [`OpenError::Backup`] if it is a backup
    /// without a new incarnation, or any other [`OpenError`] if the files are unusable.
    pub fn open(folder: impl AsRef<Path>, config: &SqliteConfig) -> Result<Self, OpenError> {
        let (wanted, settings) = (config.shards, config.settings());
        if wanted == 0 || wanted > SqliteConfig::MAX_SHARDS {
            return Err(OpenError::ShardCount(wanted));
        }
        let folder = Folder::lock(folder.as_ref())?;
        let meta = match folder.meta(settings)? {
            Some(meta) => meta,
            None => folder.create(wanted, settings)?,
        };
        if meta.shards != wanted {
            return Err(OpenError::OtherShardCount { found: meta.shards, wanted });
        }
        if meta.is_backup {
            return Err(OpenError::Backup(meta.incarnation));
        }
        let (folder, common) = (Arc::new(folder), Arc::new(Common::new(config.clone())));
        let (shards, workers, checkpointers) = (Vec::new(), Vec::new(), Vec::new());
        let mut store = Self { shards, common, folder, meta, workers, checkpointers };
        // If a thread cannot be started, dropping `store` ends the threads before it.
        (0..wanted).try_for_each(|number| store.start(number))?;
        Ok(store)
    }

    /// Starts the threads of a file.
    fn start(&mut self, number: u16) -> Result<(), OpenError> {
        let shard = Arc::new(Shard::new(Arc::clone(&self.common)));
        self.shards.push(Arc::clone(&shard));
        let (path, settings) = (self.folder.shard(number), self.common.config.settings());
        let open = |role| connection::open(&path, role, settings);
        let spawn = |role: &str, run: Box<dyn FnOnce() + Send>| {
            let folder = Arc::clone(&self.folder);
            let run = move || {
                run();
                drop(folder);
            };
            thread::Builder::new().name(format!("{role} {number}")).spawn(run)
        };
        let (of_checkpointer, checkpoints) = (Arc::clone(&shard), open(Role::Checkpointer)?);
        let run = Box::new(move || checkpointer::run(&of_checkpointer, &checkpoints));
        self.checkpointers.push(spawn("checkpoint", run)?);
        let writer = Writer::new(Arc::clone(&shard), open(Role::Writer)?);
        self.workers.push(spawn("write", Box::new(move || writer.run()))?);
        for _ in 0..self.common.config.readers.max(1) {
            let (shard, reads) = (Arc::clone(&shard), open(Role::Reader)?);
            self.workers.push(spawn("read", Box::new(move || reader::run(&shard, &reads)))?);
        }
        Ok(())
    }

    /// Returns the random identifier that the store received when it was created. A backup has the
    /// same identifier.
    #[must_use]
    pub const fn id(&self) -> [u8; 16] {
        self.meta.store_id
    }

    /// Waits until the store stops because of a failure, and returns this failure. The process must
    /// then exit.
    pub async fn failed(&self) -> Failure {
        self.common.failed().await
    }

    /// Returns numbers for monitoring.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let counts = &self.common.counts;
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            requests: number(&counts.requests),
            batches: number(&counts.batches),
            failed_batches: number(&counts.failed_batches),
            overloaded: number(&counts.overloaded),
            checkpoints: number(&counts.checkpoints),
            failed_checkpoints: number(&counts.failed_checkpoints),
        }
    }

    /// Copies the store to a folder that is empty or does not exist. This function blocks until the
    /// copy is durable. Meanwhile, requests are processed as usual.
    ///
    /// The copy contains all requests that were acknowledged before this function was called. All
    /// files of the copy are as of one moment, so if a request for one partition was sent after
    /// another one was acknowledged, the copy does not contain the later one alone. While the copy
    /// is written, the log cannot be shortened, and needs space for all writes.
    ///
    /// # Errors
    /// Returns [`OpenError::NotEmpty`], [`OpenError::Path`], or [`OpenError::Failed`]. After an
    /// error, the incomplete copy should be deleted.
    pub fn backup(&self, to: impl AsRef<Path>) -> Result<(), OpenError> {
        backup::copy(&self.folder, self.meta, &self.shards, to.as_ref())
    }

    /// Sets the incarnation of a store that is not open. This is necessary after a backup was
    /// restored.
    ///
    /// # Errors
    /// Returns [`OpenError::Incarnation`] unless the new incarnation is higher than the present
    /// one, [`OpenError::NoStore`], or any other error of [`SqliteStore::open`].
    pub fn set_incarnation(folder: impl AsRef<Path>, incarnation: u64) -> Result<(), OpenError> {
        backup::set_incarnation(folder.as_ref(), incarnation)
    }

    /// Returns the file that contains a partition.
    fn shard_of(&self, partition: &[u8]) -> Result<&Shard, StoreError> {
        Limit::check_partition(partition)?;
        self.common.check()?;
        let number = usize::from(self.meta.shard_of(partition));
        self.shards.get(number).map(AsRef::as_ref).ok_or(StoreError::Stopped)
    }

    /// Returns the error for a request that a queue has refused.
    fn refused(&self, refused: Refused) -> StoreError {
        match refused {
            Refused::Full => {
                Counts::add(&self.common.counts.overloaded, 1);
                StoreError::Overloaded
            }
            Refused::Closed => StoreError::Stopped,
        }
    }
}

impl Store for SqliteStore {
    async fn write<T, E>(
        &self,
        partition: &[u8],
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let shard = self.shard_of(partition)?;
        let (write, receiver) = job::write(partition, work);
        shard.writes.push(partition, bytes, write).map_err(|refused| self.refused(refused))?;
        receiver.receive(job::LOST_WRITE).await
    }

    async fn read<T, E>(
        &self,
        partition: &[u8],
        work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let shard = self.shard_of(partition)?;
        let (read, receiver) = job::read(reader::of_partition(partition, work));
        shard.reads.push(partition, 0, read).map_err(|refused| self.refused(refused))?;
        receiver.receive(reader::LOST_READ).await
    }

    async fn due(&self, now: u64, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.common.check()?;
        let mut receivers = Vec::new();
        for shard in &self.shards {
            let (read, receiver) = job::read(move |connection| rows::due(connection, now, limit));
            // No partition has an empty name, so these reads take turns with all partitions.
            shard.reads.push(&[], 0, read).map_err(|refused| self.refused(refused))?;
            receivers.push(receiver);
        }
        let mut due = Vec::new();
        for receiver in receivers {
            due.extend(receiver.receive(reader::LOST_READ).await?);
        }
        due.sort_unstable();
        due.truncate(limit);
        Ok(due)
    }

    fn incarnation(&self) -> u64 {
        self.meta.incarnation
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The checkpointers end last, so that they can empty the logs. A thread that has panicked
        // has already stopped the store.
        self.shards.iter().for_each(|shard| shard.close());
        let mut threads = self.workers.iter().chain(&self.checkpointers);
        if threads.any(|worker| worker.thread().id() == thread::current().id()) {
            // A thread cannot wait for itself, and other threads may wait for this one.
            return self.shards.iter().for_each(|shard| shard.checkpoints.close());
        }
        self.workers.drain(..).for_each(|worker| drop(worker.join()));
        self.shards.iter().for_each(|shard| shard.checkpoints.close());
        self.checkpointers.drain(..).for_each(|checkpointer| drop(checkpointer.join()));
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters = self.counters();
        f.debug_struct("SqliteStore")
            .field("shards", &self.meta.shards)
            .field("incarnation", &self.meta.incarnation)
            .field("counters", &counters)
            .finish_non_exhaustive()
    }
}
