//! The traits of a store.

use crate::store::error::StoreError;
use crate::store::range::{Due, KeyRange, Page, Row, ScanLimit};
use std::sync::Arc;

/// A transactional store of rows, which are grouped into partitions.
///
/// A row has a key and a value, both of which are bytes. A partition is an ordered map from keys to
/// values, has a name, and optionally has a due time. A partition exists as soon as something is
/// written to it.
///
/// A request reads or writes exactly one partition. Requests are strictly serializable: they take
/// effect in an order that is the same for all requests of a partition, and a request sees every
/// write that was acknowledged before the request began. Two requests for different partitions
/// have no common order apart from this.
///
/// The function `conformance::run`, which requires the feature `conformance`, tests whether a store
/// meets all of these requirements.
pub trait Store: Send + Sync + 'static {
    /// Runs `work` in a write transaction on one partition, and returns its result as soon as the
    /// transaction is durable.
    ///
    /// If `work` returns an error, this request is rolled back, and the error is returned
    /// unchanged. If a method of the transaction fails, the request is rolled back and returns the
    /// error of this method, even if `work` returns `Ok`. If `work` panics, the request is rolled
    /// back, and the panic continues in the caller. Other requests are not affected in any of these
    /// cases.
    ///
    /// `bytes` is the approximate number of bytes that `work` owns and writes. A store uses this
    /// number to bound the memory of waiting requests and the size of a batch.
    ///
    /// `work` may run on another thread, while other requests wait. Therefore, it must not block,
    /// and must not perform expensive computations, such as verifying signatures.
    ///
    /// If the future is dropped, the request either takes effect as a whole or does nothing.
    ///
    /// # Errors
    /// Returns the error of `work`, or any [`StoreError`].
    fn write<T, E>(
        &self,
        partition: &[u8],
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static;

    /// Runs `work` with a consistent snapshot of one partition.
    ///
    /// The snapshot contains only durable writes. The snapshot ends with `work`, because a
    /// database cannot reclaim space while a snapshot exists. A long result is therefore read in
    /// pages, each of which has its own snapshot.
    ///
    /// # Errors
    /// Returns the error of `work`, or any [`StoreError`] but [`StoreError::OutcomeUnknown`].
    fn read<T, E>(
        &self,
        partition: &[u8],
        work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static;

    /// Returns the partitions whose due time is at most `now`, ordered by due time and then by
    /// name. At most `limit` partitions are returned.
    ///
    /// A partition is returned until a transaction changes its due time. The caller of this
    /// function finds unfinished work after a crash: relays, retention, expiry. If the work of a
    /// partition fails, the caller must postpone its due time. Otherwise, failing partitions could
    /// fill the result and hide all others.
    ///
    /// # Errors
    /// Returns any [`StoreError`] but [`StoreError::OutcomeUnknown`].
    fn due(&self, now: u64, limit: usize) -> impl Future<Output = Result<Vec<Due>, StoreError>> + Send;

    /// Returns the incarnation of the store, which rises each time a backup is restored. Signed
    /// statements about the contents of the store include the incarnation, so that statements from
    /// before and after the restoration do not contradict each other.
    fn incarnation(&self) -> u64;
}

/// A consistent view of one partition.
pub trait Snapshot {
    /// Returns the value of a key.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Corrupt`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the first rows of a range, in the order of their keys.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Corrupt`].
    fn scan(&self, range: &KeyRange, limit: ScanLimit) -> Result<Page, StoreError>;

    /// Returns the last row of a range, for instance the newest of several versions.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Corrupt`].
    fn last(&self, range: &KeyRange) -> Result<Option<Row>, StoreError>;

    /// Returns the due time of the partition.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Corrupt`].
    fn due(&self) -> Result<Option<u64>, StoreError>;
}

/// A write transaction on one partition. The read methods see the writes of the transaction.
///
/// If a method fails, the transaction is rolled back, and all later calls of any method return the
/// same error and do nothing. `work` may therefore ignore an error
/// until it returns.
pub trait Transaction: Snapshot {
    /// Sets the value of a key.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`], [`StoreError::Corrupt`], or [`StoreError::Limit`] if the key or
    /// the value is too long.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Deletes a key. Does nothing if the key does not exist.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Corrupt`].
    fn delete(&mut self, key: &[u8]) -> Result<(), StoreError>;

    /// Deletes the first rows of a range, at most `limit` of them, and returns whether the range
    /// contains further rows.
    ///
    /// To delete a long range, call this function with a limit of a few hundred rows in one
    /// transaction after the other. Other requests then need not wait for the whole deletion.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Corrupt`].
    fn delete_range(&mut self, range: &KeyRange, limit: usize) -> Result<bool, StoreError>;

    /// Sets or removes the due time of the partition. See [`Store::due`].
    ///
    /// # Errors
    /// Returns [`StoreError::Io`], [`StoreError::Corrupt`], or [`StoreError::Limit`] if the time
    /// does not fit into 63 bits.
    fn set_due(&mut self, at: Option<u64>) -> Result<(), StoreError>;
}

impl<S: Store> Store for Arc<S> {
    fn write<T, E>(
        &self,
        partition: &[u8],
        bytes: usize,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        S::write(self, partition, bytes, work)
    }

    fn read<T, E>(
        &self,
        partition: &[u8],
        work: impl FnOnce(&dyn Snapshot) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        S::read(self, partition, work)
    }

    fn due(&self, now: u64, limit: usize) -> impl Future<Output = Result<Vec<Due>, StoreError>> + Send {
        S::due(self, now, limit)
    }

    fn incarnation(&self) -> u64 {
        S::incarnation(self)
    }
}
