//! Errors of opening a store and of backups.

use crate::store::error::{Failure, FailureKind};
use crate::store::sqlite::connection::{ConnectionError, failure};
use std::io;

/// The reason why a store cannot be opened, copied or restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another part of this process, has opened the store.
    #[error("the store is already open")]
    Locked,
    /// The number of files in the settings is zero or above
    /// [`SqliteConfig::MAX_SHARDS`](crate::store::SqliteConfig::MAX_SHARDS).
    #[error("a store cannot have {0} files")]
    ShardCount(u16),
    /// The store was created with another number of files.
    #[error("the store has {found} files, and the settings require {wanted}")]
    OtherShardCount {
        /// The number of files of the store.
        found: u16,
        /// The number of files in the settings.
        wanted: u16,
    },
    /// A file of the store is missing, or belongs to another store.
    #[error("file {0} of the store is missing or belongs to another store")]
    OtherFile(u16),
    /// The folder contains a file that is not part of a store.
    #[error("file {0} is not part of a store")]
    NotAStore(u16),
    /// The store was written by an earlier version of this program, whose format is not supported.
    #[error("the store has format {found}, which is older than format {known} of this program")]
    Older {
        /// The format of the store.
        found: i64,
        /// The format of this program.
        known: i64,
    },
    /// The store was written by a later version of this program.
    #[error("the store has format {found}, which is newer than format {known} of this program")]
    Newer {
        /// The format of the store.
        found: i64,
        /// The format of this program.
        known: i64,
    },
    /// The folder contains no store.
    #[error("the folder contains no store")]
    NoStore,
    /// The store is a restored backup, which needs a new incarnation. See
    /// [`SqliteStore::set_incarnation`](crate::store::SqliteStore::set_incarnation).
    #[error("the store is a backup and needs an incarnation above {0}")]
    Backup(u64),
    /// The new incarnation is not higher than the present one.
    #[error("the store has incarnation {0}, and a new incarnation must be higher")]
    Incarnation(u64),
    /// The folder for a backup is not empty.
    #[error("the folder for the backup is not empty")]
    NotEmpty,
    /// The path of the folder is not valid Unicode, which SQLite requires.
    #[error("the path of the folder is not valid Unicode")]
    Path,
    /// SQLite does not accept a setting that the store requires.
    #[error("SQLite does not accept the setting {0}")]
    Setting(&'static str),
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness")]
    Random,
    /// The database or the file system has failed.
    #[error("the store cannot be used: {0}")]
    Failed(Failure),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(failure(&error))
    }
}

impl From<ConnectionError> for OpenError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Failure(failure) => Self::Failed(failure),
            ConnectionError::Setting(name) => Self::Setting(name),
        }
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::Full,
            _ => FailureKind::Open,
        };
        Self::Failed(Failure::new(kind, error.raw_os_error()))
    }
}
