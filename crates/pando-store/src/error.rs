//! Errors of a store, classified by the party at fault.

use crate::key::Argon2Cost;
use pando_mls::wire::EncodeError;
use pando_mls::{GroupId, RowKey};
use std::error::Error;
use std::fmt;

/// The reason why an operation of a store failed. A transaction in which an operation has failed is
/// rolled back when it is dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The lock is held elsewhere, in this process or in another one, and was not released in time.
    #[error("the store or the group is locked")]
    Busy,
    /// The Delta does not follow the stored rows, because a previous Delta was not stored or
    /// because another object in memory has changed the same group. The group must be loaded again.
    /// For a KeyPackage, this error means that another client has already used it.
    #[error("the change does not follow the stored rows")]
    Stale,
    /// The Delta begins a new instance of a group that is already stored and that has not ended for
    /// this client.
    #[error("the group is already stored and has not ended")]
    Occupied,
    /// The Welcome could restore a former group. The Welcome's epoch is not higher than the
    /// client's last epoch in that group, and the client already had the Welcome's KeyPackage at
    /// that time.
    #[error("the Welcome leads to a former group and is not newer")]
    OldWelcome,
    /// The key does not open the store. This error is also returned if a key is given for an
    /// unencrypted store, or no key for an encrypted one.
    #[error("the key does not open this store")]
    WrongKey,
    /// The file does not begin as a database does. Nothing was written to it. A database whose
    /// first bytes are damaged cannot be told from such a file.
    #[error("the file is not a SQLite database")]
    NotADatabase,
    /// The database contains no store.
    #[error("the database contains no store")]
    NoStore,
    /// The store's data key was deleted.
    #[error("the store was shredded")]
    Shredded,
    /// The store was written by a later version.
    #[error("the store has format {found}, which is newer than format {known} of this program")]
    Newer {
        /// The format of the store.
        found: u16,
        /// The format of this program.
        known: u16,
    },
    /// The store was written by an earlier version in a format that this version does not read.
    #[error("the store has format {found}, which is older than format {known} of this program")]
    Older {
        /// The format of the store.
        found: u16,
        /// The format of this program.
        known: u16,
    },
    /// Opening the store costs more than the key's [`Argon2Limit`](crate::Argon2Limit) allows.
    #[error(
        "opening the store takes {} passes over {} KiB of memory, which is above the limit", .0.passes, .0.memory
    )]
    TooCostly(Argon2Cost),
    /// The change is committed, but deleted or replaced secrets are still in the file or in its
    /// log, for instance because another connection reads an older state.
    /// [`Store::erase`](crate::Store::erase), the next transaction, and the next opening of the
    /// store try again to overwrite them.
    #[error("committed, but old secrets are not erased yet: {source}")]
    NotErased {
        /// The reason why the secrets could not be overwritten.
        source: Box<StoreError>,
    },
    /// The database is not in WAL mode and cannot be switched to it. In other modes, deleted
    /// secrets remain on the disk in the blocks of files that SQLite has removed.
    #[error("the journal mode of the database is {0:?} instead of WAL")]
    JournalMode(String),
    /// Stored data is damaged.
    #[error("{0} is damaged")]
    Corrupt(Record),
    /// A file-system operation failed.
    #[error("{kind}: {source}")]
    Io {
        /// The kind of failure.
        kind: IoKind,
        /// The underlying error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Not enough memory is available, for instance to hash the passphrase.
    #[error("not enough memory")]
    OutOfMemory,
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness: {0}")]
    Random(getrandom::Error),
    /// A value is too long to store.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The caller has requested something that is not possible.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// A kind of file-system failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoKind {
    /// The disk or a quota is full.
    Full,
    /// A read failed.
    Read,
    /// A write failed or could not be made durable.
    Write,
    /// A file could not be opened, or a permission is missing.
    Open,
}

impl fmt::Display for IoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the disk is full",
            Self::Read => "cannot read",
            Self::Write => "cannot write",
            Self::Open => "cannot open",
        })
    }
}

/// The damaged part of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// The whole database.
    Database,
    /// The header, which contains the format and the data key.
    Header,
    /// A record with an unknown key.
    Key(Vec<u8>),
    /// The entry of a group in the list of groups.
    Group,
    /// A row of a group.
    Row(GroupId, RowKey),
    /// A KeyPackage with its private keys.
    KeyPackage,
    /// A pre-shared key.
    Psk,
    /// A signature key.
    Signer,
    /// The record of a former group.
    FormerGroup,
    /// A record of the application.
    Application,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("the database"),
            Self::Header => f.write_str("the header of the store"),
            Self::Key(_) => f.write_str("the key of a record"),
            Self::Group => f.write_str("the entry of a group"),
            Self::Row(group, key) => write!(f, "the row {key:?} of group {group:?}"),
            Self::KeyPackage => f.write_str("a stored KeyPackage"),
            Self::Psk => f.write_str("a stored pre-shared key"),
            Self::Signer => f.write_str("a stored signature key"),
            Self::FormerGroup => f.write_str("the record of a former group"),
            Self::Application => f.write_str("a record of the application"),
        }
    }
}

/// A request of the caller that is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The Delta and the lock belong to different groups.
    #[error("the Delta does not belong to the locked group")]
    OtherGroup,
    /// The lock belongs to another store.
    #[error("the lock belongs to another store")]
    OtherStore,
    /// A key is not 32 bytes long.
    #[error("the key does not have 32 bytes")]
    KeyLength,
    /// The Argon2 parameters are invalid, below [`Argon2Cost::FLOOR`] or above the default
    /// [`Argon2Limit`](crate::Argon2Limit).
    #[error("the Argon2 parameters are invalid, below the floor or above the limit")]
    Argon2,
    /// The passphrase is empty.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The timeout exceeds the maximum of SQLite, which is 24.8 days.
    #[error("the time to wait is longer than 2147483647 milliseconds")]
    Wait,
    /// The database uses `auto_vacuum`, which moves pages and returns them to the file system while
    /// they still contain old secrets.
    #[error("the database has auto_vacuum, which leaves deleted secrets behind")]
    AutoVacuum,
    /// A KeyPackage or a key belongs to another cipher suite, or the key is malformed.
    #[error("the key does not belong to this cipher suite")]
    CipherSuite,
    /// An operation of the transaction has failed, or an SQL statement has ended the transaction.
    /// The transaction can only be dropped.
    #[error("the transaction has ended, by an error or by SQL")]
    TransactionEnded,
    /// The application's SQL is invalid.
    #[error("SQL: {0}")]
    Sql(String),
}

impl From<getrandom::Error> for StoreError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}
