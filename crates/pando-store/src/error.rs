//! Errors of a store, by the party at fault.

use crate::key::Argon2Cost;
use pando_mls::wire::EncodeError;
use pando_mls::{GroupId, RowKey};
use std::error::Error;
use std::fmt;

/// Reason why nothing was read or written. A transaction with a failed operation is rolled back
/// when it is dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The lock is held elsewhere, in this process or another one, for longer than the wait.
    #[error("the store or the group is locked")]
    Busy,
    /// The Delta does not follow the stored rows, because a previous Delta was not stored or
    /// another object of the group has written. The group must be loaded again. For a KeyPackage:
    /// another client has already used it.
    #[error("the change does not follow the stored rows")]
    Stale,
    /// The Delta begins an instance of a group that is already stored and has not ended for this
    /// client.
    #[error("the group is already stored and has not ended")]
    Occupied,
    /// The Welcome could restore a former group: its epoch is not higher than the one the client
    /// had, and the client had its KeyPackage at that time.
    #[error("the Welcome leads to a former group and is not newer")]
    OldWelcome,
    /// The key does not open the store. Also returned if a key is given for a store that is not
    /// encrypted, or the other way around.
    #[error("the key does not open this store")]
    WrongKey,
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
    /// The store was written by an earlier version, and this version does not read its format.
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
    /// [`Store::erase`](crate::Store::erase), the next transaction and the next opening of the
    /// store try again.
    #[error("committed, but old secrets are not erased yet: {source}")]
    NotErased {
        /// The reason why erasing failed.
        source: Box<StoreError>,
    },
    /// The database is not in WAL mode and cannot be switched to it. In other modes, deleted
    /// secrets remain in the blocks of files that SQLite has removed.
    #[error("the journal mode of the database is {0:?} instead of WAL")]
    JournalMode(String),
    /// Stored data is damaged.
    #[error("{0} is damaged")]
    Corrupt(Record),
    /// An operation of the file system failed.
    #[error("{kind}: {source}")]
    Io {
        /// The kind of failure.
        kind: IoKind,
        /// The error of the system.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is not enough memory, for instance for hashing the passphrase.
    #[error("not enough memory")]
    OutOfMemory,
    /// The operating system provides no randomness.
    #[error("the operating system provides no randomness: {0}")]
    Random(getrandom::Error),
    /// A value is too long to store.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The caller asked for something that is not possible.
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
    /// A write failed, or could not be made durable.
    Write,
    /// A file could not be opened, or the permission is missing.
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
        }
    }
}

/// Requests of the caller that are not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The Delta belongs to another group than the lock.
    #[error("the Delta does not belong to the locked group")]
    OtherGroup,
    /// The lock was taken from another store.
    #[error("the lock belongs to another store")]
    OtherStore,
    /// A key does not have 32 bytes.
    #[error("the key does not have 32 bytes")]
    KeyLength,
    /// The Argon2 parameters are invalid, below [`Argon2Cost::FLOOR`] or above the default
    /// [`Argon2Limit`](crate::Argon2Limit).
    #[error("the Argon2 parameters are invalid, below the floor or above the limit")]
    Argon2,
    /// An empty passphrase.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The wait exceeds the maximum of SQLite, which is 24.8 days.
    #[error("the time to wait is longer than 2147483647 milliseconds")]
    Wait,
    /// The database has `auto_vacuum`, which moves pages and returns them to the file system with
    /// old secrets.
    #[error("the database has auto_vacuum, which leaves deleted secrets behind")]
    AutoVacuum,
    /// A KeyPackage or a key belongs to another cipher suite, or the key is malformed.
    #[error("the key does not belong to this cipher suite")]
    CipherSuite,
    /// An operation of the transaction has failed, or SQL has ended it. It can only be dropped.
    #[error("the transaction has ended, by an error or by SQL")]
    TransactionEnded,
    /// The application's SQL is wrong.
    #[error("SQL: {0}")]
    Sql(String),
}

impl From<getrandom::Error> for StoreError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}
