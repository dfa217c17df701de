//! The database interface of a store. A database maps byte-string keys to values, keeps the keys
//! ordered, and supports transactions.

use crate::StoreError;
use pando_mls::SecretBytes;
use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

/// A database for a [`Store`](crate::Store). Keys are ordered bytewise.
///
/// A transaction consists of the calls between [`Backend::begin`] and [`Backend::commit`]. A
/// transaction is durable when `commit` has returned. Other connections see either all of its
/// changes or none. Reads in a transaction see the writes of that transaction.
///
/// The function `conformance::run`, which requires the feature `conformance`, tests whether a
/// backend meets all of these requirements.
pub trait Backend: Send + 'static {
    /// Opens a second connection to the same database.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn again(&self) -> Result<Self, StoreError>
    where
        Self: Sized;

    /// Prepares the database for writing, for instance by setting and checking its modes. This
    /// function is called after the key has been verified. Before that, a backend must not write to
    /// a database that contains a store.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`], [`StoreError::Busy`], or any other error if the database is
    /// unusable.
    fn ready(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Begins a transaction. There is at most one writing transaction at a time.
    ///
    /// # Errors
    /// Returns [`StoreError::Busy`] if another transaction does not end in time.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Commits the transaction. After an error, the transaction may or may not have taken effect.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Rolls back the current transaction. Does nothing if there is no transaction.
    fn rollback(&mut self);

    /// Returns the value of a key.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    fn get(&self, key: &[u8]) -> Result<Option<SecretBytes>, StoreError>;

    /// Passes each key in a range and its value to `each`, in the order of the keys, until `each`
    /// fails.
    ///
    /// # Errors
    /// Returns the error of `each`, or an error of [`Backend::get`].
    fn scan(&self, range: Range<&[u8]>, each: &mut Each<'_>) -> Result<(), StoreError>;

    /// Sets the value of a key. This function is called only in a transaction.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Deletes all keys in a range. This function is called only in a transaction.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn delete(&mut self, range: Range<&[u8]>) -> Result<(), StoreError>;

    /// Acquires an exclusive lock, which excludes other threads and other processes. The lock is
    /// released when the guard is dropped or the process dies.
    ///
    /// # Errors
    /// Returns [`StoreError::Busy`] if the lock cannot be acquired within `wait`. On a platform
    /// without a clock, this error is returned immediately if the lock is held.
    fn lock(&self, name: &[u8; 16], wait: Duration) -> Result<Guard, StoreError>;

    /// Overwrites all remaining copies of values that transactions have deleted or replaced.
    ///
    /// # Errors
    /// Returns [`StoreError::Busy`] if another connection still reads these values, or
    /// [`StoreError::Io`].
    fn erase(&mut self) -> Result<(), StoreError>;

    /// Returns unused space to the file system. This function is called only outside of
    /// transactions.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Io`].
    fn compact(&mut self) -> Result<(), StoreError>;
}

/// A callback that receives a key and its value.
pub type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError> + 'a;

/// A lock that is held until this value is dropped.
pub struct Guard(#[expect(dead_code, reason = "it is created to be dropped")] Box<dyn Any + Send + Sync>);

impl Guard {
    /// Returns a guard that releases the lock by dropping `held`.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self(Box::new(held))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

/// Whether a thread can wait. On `wasm32-unknown-unknown`, reading a clock or sleeping would panic.
const CAN_WAIT: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// Repeats `attempt` until it returns a value or `wait` has elapsed. Reads the clock only if the
/// first attempt fails and `wait` is not zero.
pub(crate) fn wait_for<T>(
    wait: Duration,
    mut attempt: impl FnMut() -> Result<Option<T>, StoreError>,
) -> Result<T, StoreError> {
    let mut began = None;
    loop {
        if let Some(value) = attempt()? {
            return Ok(value);
        }
        if wait.is_zero() || !CAN_WAIT {
            return Err(StoreError::Busy);
        }
        let left = wait.saturating_sub(began.get_or_insert_with(Instant::now).elapsed());
        if left.is_zero() {
            return Err(StoreError::Busy);
        }
        thread::sleep(left.min(Duration::from_millis(5)));
    }
}
