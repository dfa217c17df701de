//! The database interface of a store: ordered byte-string keys and values, with transactions.

use crate::StoreError;
use pando_mls::SecretBytes;
use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

/// A database for a [`Store`](crate::Store). Keys are ordered bytewise.
///
/// A transaction is everything between [`Backend::begin`] and [`Backend::commit`]. It is durable
/// when `commit` has returned, other connections see it entirely or not at all, and its own reads
/// see its writes.
///
/// `conformance::run`, with the feature `conformance`, tests all of these requirements.
pub trait Backend: Send + 'static {
    /// Opens the same database a second time.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn again(&self) -> Result<Self, StoreError>
    where
        Self: Sized;

    /// Prepares the database for writing: for instance, sets and checks its modes. It is called
    /// after the key was verified. Until then, a database that contains a store must not be
    /// written.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Busy`], or any other error if the database is unusable.
    fn ready(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Begins a transaction. There is at most one writing transaction at a time.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another transaction does not end in time.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Commits the transaction. After an error, it may or may not have taken effect.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Rolls the transaction back. Does nothing if there is none.
    fn rollback(&mut self);

    /// Returns the value of a key.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    fn get(&self, key: &[u8]) -> Result<Option<SecretBytes>, StoreError>;

    /// Passes all keys in a range with their values to `each`, in order, until `each` fails.
    ///
    /// # Errors
    /// The error of `each`, or the errors of [`Backend::get`].
    fn scan(&self, range: Range<&[u8]>, each: &mut Each<'_>) -> Result<(), StoreError>;

    /// Sets the value of a key. Called only in a transaction.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Deletes all keys in a range. Called only in a transaction.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn delete(&mut self, range: Range<&[u8]>) -> Result<(), StoreError>;

    /// Takes an exclusive lock across threads and processes. It is released when the guard is
    /// dropped or the process dies.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the lock cannot be acquired within `wait`, or immediately if the
    /// platform has no clock.
    fn lock(&self, name: &[u8; 16], wait: Duration) -> Result<Guard, StoreError>;

    /// Overwrites all remaining copies of values that transactions have deleted or replaced.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another connection still reads them; [`StoreError::Io`].
    fn erase(&mut self) -> Result<(), StoreError>;

    /// Returns unused space to the file system. Called only outside of transactions.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Io`].
    fn compact(&mut self) -> Result<(), StoreError>;
}

/// A callback for a key and its value.
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

/// Whether a thread can wait. On `wasm32-unknown-unknown`, reading a clock and sleeping panic.
const CAN_WAIT: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// Repeats `attempt` until it returns a value or the time is over. It reads no clock unless the
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
