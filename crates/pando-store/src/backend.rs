//! What a database must do to be a store's: keep byte strings under byte strings, in order, and in transactions.

use crate::StoreError;
use pando_mls::SecretBytes;
use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

/// A database, or what stands for one. Keys are ordered as byte strings are.
///
/// A transaction is everything between [`Backend::begin`] and [`Backend::commit`]: it is durable when that has
/// returned, seen by others as a whole or not at all, and its own reads see what it has written.
/// `conformance::run`, with the feature `conformance`, tests all that is said here.
pub trait Backend: Send + 'static {
    /// The same database, opened once more.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn again(&self) -> Result<Self, StoreError>
    where
        Self: Sized;

    /// Prepares the database for writing: sets and checks its modes, for instance. It is called when the key is known to be
    /// right. Until then, a database that holds a store is not written.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Busy`], and any other if the database cannot be used.
    fn ready(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Begins a transaction. No other one writes until it ends.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another one does not end in time.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Ends the transaction. After an error it may have happened or not.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Ends the transaction as if it had never begun.
    fn rollback(&mut self);

    /// The value under a key.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Corrupt`].
    fn get(&self, key: &[u8]) -> Result<Option<SecretBytes>, StoreError>;

    /// Gives everything under a range of keys, in order, until `each` fails.
    ///
    /// # Errors
    /// That of `each`, or as [`Backend::get`].
    fn scan(&self, range: Range<&[u8]>, each: &mut Each<'_>) -> Result<(), StoreError>;

    /// Puts a value under a key, in place of what was there. In a transaction only.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Deletes everything under a range of keys. In a transaction only.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn delete(&mut self, range: Range<&[u8]>) -> Result<(), StoreError>;

    /// Takes a lock that nobody else can have, in this process or another, until the guard is dropped or the
    /// process dies.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if it cannot be acquired within `wait`, or at once where there is no clock.
    fn lock(&self, name: &[u8; 16], wait: Duration) -> Result<Guard, StoreError>;

    /// Overwrites what transactions have deleted or replaced, wherever it still is.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody still reads it; [`StoreError::Io`].
    fn erase(&mut self) -> Result<(), StoreError>;

    /// Gives back the room that is not used. Outside of transactions.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Io`].
    fn compact(&mut self) -> Result<(), StoreError>;
}

/// What takes a key and its value.
pub type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError> + 'a;

/// A lock that is held as long as this lives.
pub struct Guard(#[expect(dead_code, reason = "it is there to be dropped")] Box<dyn Any + Send + Sync>);

impl Guard {
    /// A lock that is given back when `held` is dropped.
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

/// Repeats `attempt` until it returns a value or the time is over. Reads no clock unless the first attempt fails and there is
/// time to wait.
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
