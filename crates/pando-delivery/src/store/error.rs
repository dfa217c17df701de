//! Errors of a store. Each error tells whether the request may have taken effect.

use std::fmt;

/// The reason why a request failed.
///
/// An error contains no partition, key, value or path, so an application can log it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A queue is full, or the disk cannot keep up with the writes. The request did nothing and can
    /// be repeated later.
    #[error("the store is overloaded")]
    Overloaded,
    /// The commit of the batch that contains the request failed. The request either takes effect as
    /// a whole or does nothing, and it may take effect as late as at the next start of the process.
    /// The next request that succeeds in writing to the same partition settles the outcome: the
    /// rows that it reads are final. Every request of the batch returns this error, including
    /// requests whose function has returned an error of its own, because they may have read rows
    /// that the batch has written.
    #[error("the outcome of the request is unknown: {0}")]
    OutcomeUnknown(Failure),
    /// The store has stopped, because an earlier write could not be made durable. The request did
    /// nothing. The process must exit and open the store again.
    #[error("the store has stopped")]
    Stopped,
    /// A file-system operation failed. The request did nothing.
    #[error("the request failed: {0}")]
    Io(Failure),
    /// Stored data is damaged. The request did nothing.
    #[error("the stored data is damaged: {0}")]
    Corrupt(Failure),
    /// The caller has exceeded a limit of the store. The request did nothing.
    #[error(transparent)]
    Limit(#[from] Limit),
}

impl StoreError {
    /// Returns whether the request may have taken effect. If this function returns `false`, the
    /// request did nothing.
    #[must_use]
    pub const fn may_have_taken_effect(self) -> bool {
        matches!(self, Self::OutcomeUnknown(_))
    }
}

impl From<Failure> for StoreError {
    /// Returns the error of a request that did nothing.
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Busy => Self::Overloaded,
            FailureKind::Corrupt => Self::Corrupt(failure),
            _ => Self::Io(failure),
        }
    }
}

/// A failure of the database or of the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The error code of the database or of the operating system, if there is one.
    pub code: Option<i32>,
}

impl Failure {
    pub(crate) const fn new(kind: FailureKind, code: Option<i32>) -> Self {
        Self { kind, code }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FailureKind::Full => "the disk is full",
            FailureKind::Read => "cannot read",
            FailureKind::Write => "cannot write",
            FailureKind::Sync => "cannot sync",
            FailureKind::Open => "cannot open",
            FailureKind::Memory => "not enough memory",
            FailureKind::Busy => "another process uses the database",
            FailureKind::Corrupt => "the database is malformed",
            FailureKind::Internal => "internal error",
        })?;
        self.code.map_or(Ok(()), |code| write!(f, " (code {code})"))
    }
}

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The disk or a quota is full.
    Full,
    /// A read failed.
    Read,
    /// A write failed.
    Write,
    /// A sync failed, so written data may not be durable. This failure stops the store.
    Sync,
    /// A file could not be opened, or a permission is missing.
    Open,
    /// Not enough memory is available.
    Memory,
    /// Another process has locked the database.
    Busy,
    /// The database is malformed.
    Corrupt,
    /// An error in this crate, for instance a thread that has ended.
    Internal,
}

/// A limit of a store that the caller has exceeded. The limits are the same in all stores, so that
/// rows can move from one store to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// The name of the partition is empty or longer than [`Limit::PARTITION`] bytes.
    #[error("the name of the partition is empty or too long")]
    PartitionLength,
    /// The key is longer than [`Limit::KEY`] bytes.
    #[error("the key is too long")]
    KeyLength,
    /// The value is longer than [`Limit::VALUE`] bytes.
    #[error("the value is too long")]
    ValueLength,
    /// The due time does not fit into 63 bits.
    #[error("the due time is too late")]
    Due,
}

impl Limit {
    /// Maximum length of a partition's name.
    pub const PARTITION: usize = 512;
    /// Maximum length of a key. A partition and a key together must fit into one index entry of
    /// PostgreSQL, which has at most 2,704 bytes.
    pub const KEY: usize = 1_024;
    /// Maximum length of a value.
    pub const VALUE: usize = 64 << 20;

    pub(crate) const fn check_partition(partition: &[u8]) -> Result<(), Self> {
        if partition.is_empty() || partition.len() > Self::PARTITION {
            return Err(Self::PartitionLength);
        }
        Ok(())
    }

    pub(crate) const fn check_row(key: &[u8], value: &[u8]) -> Result<(), Self> {
        if key.len() > Self::KEY {
            return Err(Self::KeyLength);
        }
        if value.len() > Self::VALUE {
            return Err(Self::ValueLength);
        }
        Ok(())
    }

    pub(crate) fn check_due(at: Option<u64>) -> Result<Option<i64>, Self> {
        at.map(|at| i64::try_from(at).map_err(|_| Self::Due)).transpose()
    }
}
