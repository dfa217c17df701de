//! What can go wrong, by whose fault.

use crate::key::Argon2Cost;
use pando_mls::wire::EncodeError;
use pando_mls::{GroupId, RowKey};
use std::error::Error;
use std::fmt;

/// Why nothing was read or written. A transaction in which something failed is rolled back when it is dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another part of this one, has the lock, and kept it for longer than was waited.
    #[error("the store or the group is locked by another")]
    Busy,
    /// A Delta does not follow what is stored: one before it was not stored, or another object of the group has written. The
    /// group is to be loaded again. Or the KeyPackage was used by another.
    #[error("what was to be stored does not follow what is stored")]
    Stale,
    /// A Delta begins a group that is stored and has not ended for this client.
    #[error("the group is stored already and has not ended")]
    Occupied,
    /// A Welcome leads back to a group that the client had, at an epoch that is not higher, by a KeyPackage that it had then.
    #[error("the Welcome is one to a group that the client had, and is not newer")]
    OldWelcome,
    /// The key is not the store's, or the store is not encrypted and a key was given, or the other way around.
    #[error("not the key of this store")]
    WrongKey,
    /// There is no store in a database in which one is expected.
    #[error("there is no store in this database")]
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
    /// The store was written by an earlier version, whose format this version does not read.
    #[error("the store has format {found}, which is older than format {known} of this program")]
    Older {
        /// The format of the store.
        found: u16,
        /// The format of this program.
        known: u16,
    },
    /// Opening the store costs more than the [`Argon2Limit`](crate::Argon2Limit) of the key allows.
    #[error(
        "opening the store takes {} passes over {} KiB of memory, which is above the limit", .0.passes, .0.memory
    )]
    TooCostly(Argon2Cost),
    /// The change has been committed, but secrets that it has deleted or replaced are still in the file, or in its
    /// log: another connection reads an older state, for instance. [`Store::erase`](crate::Store::erase) tries again,
    /// as do the next transaction and the next opening of the store.
    #[error("committed, but old secrets are not erased yet: {source}")]
    NotErased {
        /// Why erasing has failed.
        source: Box<StoreError>,
    },
    /// The database is not in WAL mode and cannot be brought into it. In other modes, deleted secrets stay in files
    /// that SQLite has removed.
    #[error("the database has journal mode {0:?}, and not WAL")]
    JournalMode(String),
    /// Something is in the store that no one has put there.
    #[error("{0} is damaged")]
    Corrupt(Record),
    /// The file system did not do what it should.
    #[error("{kind}: {source}")]
    Io {
        /// What it was that failed.
        kind: IoKind,
        /// What the system says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is not enough memory, for what the passphrase costs for instance.
    #[error("not enough memory")]
    OutOfMemory,
    /// The operating system gives no randomness.
    #[error("no randomness: {0}")]
    Random(getrandom::Error),
    /// Something is too long to be stored.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The caller asked for what cannot be done.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// What failed in the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IoKind {
    /// The disk, or a quota, is full.
    Full,
    /// Something cannot be read.
    Read,
    /// Something cannot be written, or not be made durable.
    Write,
    /// Something cannot be opened, or is not allowed.
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

/// What is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// The whole database.
    Database,
    /// The header, which has the format and the data key.
    Header,
    /// A record whose key is none that is ever written.
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
    /// A group that the client had.
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

/// What the caller cannot ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A Delta of another group than the one that is locked.
    #[error("the Delta is not of the group that is locked")]
    OtherGroup,
    /// A lock that another store has given.
    #[error("the lock is one of another store")]
    OtherStore,
    /// A key that does not have 32 bytes.
    #[error("a key has 32 bytes")]
    KeyLength,
    /// Parameters of Argon2 that are invalid, below [`Argon2Cost::FLOOR`] or above the default
    /// [`Argon2Limit`](crate::Argon2Limit).
    #[error("invalid parameters of Argon2, or below the floor, or above the limit")]
    Argon2,
    /// An empty passphrase.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// A time to wait that is longer than SQLite can wait, which is 24.8 days.
    #[error("the time to wait is longer than 2147483647 milliseconds")]
    Wait,
    /// A database with `auto_vacuum`, which moves pages and hands them back to the file system with old secrets.
    #[error("the database has auto_vacuum, which leaves deleted secrets behind")]
    AutoVacuum,
    /// A KeyPackage or a key of a cipher suite for which another was given, or a key that is malformed.
    #[error("not a key of this cipher suite")]
    CipherSuite,
    /// Something in the transaction has failed, or it was ended by SQL. What is left to do is to drop it.
    #[error("the transaction has ended, by an error or by SQL")]
    TransactionEnded,
    /// What the application did in SQL is wrong.
    #[error("SQL: {0}")]
    Sql(String),
}

impl From<getrandom::Error> for StoreError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}
