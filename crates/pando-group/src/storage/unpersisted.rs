//! Results of operations, which are available after the operations' changes are stored.
//!
//! An operation returns its result inside an [`Unpersisted`], together with the [`Delta`] for the
//! store. The caller obtains the result after it has stored the Delta. If the caller drops the
//! `Unpersisted`, it loses the result but no state. The Delta returns to the group, and the next
//! operation returns both Deltas merged into one.

use crate::storage::delta::{Delta, DeltaError};
use crate::storage::row_key::Rows;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The result of an operation on a group, and the changes that must be stored before the result is
/// sent or shown.
///
/// ```
/// # use pando_group::{Delta, PersistError, Unpersisted};
/// # struct Store;
/// # impl Store { fn write(&mut self, _: &Delta, _: &str) -> Result<(), std::io::Error> { Ok(()) } }
/// # fn send(message: String) {}
/// # fn example(encrypted: Unpersisted<String>, store: &mut Store) -> Result<(), PersistError<String, std::io::Error>> {
/// let message = encrypted.persist(|delta, message| store.write(delta, message))?;
/// send(message);
/// # Ok(())
/// # }
/// ```
///
/// A caller that drops an `Unpersisted` loses the result. The changes return to the group, and the
/// next operation returns them together with its own changes. A received message is lost if its
/// result is dropped, because the message key is deleted. After an error of the store, either store
/// the result again ([`PersistError::unpersisted`]), or drop the group as well and load it again.
/// The stored rows are then the rows from before the operation.
#[derive(Debug)]
#[must_use = "store its Delta to get the result"]
pub struct Unpersisted<T> {
    value: T,
    changes: Changes,
}

/// The changes of an [`Unpersisted`], which return to the group when they are dropped.
#[derive(Debug)]
struct Changes {
    delta: Delta,
    dropped: DroppedDeltas,
}

impl<T> Unpersisted<T> {
    pub(crate) const fn new(value: T, delta: Delta, dropped: DroppedDeltas) -> Self {
        Self { value, changes: Changes { delta, dropped } }
    }

    /// Returns the changes for the store. An empty Delta needs no transaction.
    pub const fn delta(&self) -> &Delta {
        &self.changes.delta
    }

    /// Returns a reference to the result, so that the application can derive its own rows for the
    /// same transaction, such as a row of its outbox. Do not send or show the result yet.
    pub const fn peek(&self) -> &T {
        &self.value
    }

    /// Stores the changes with `store`, and returns the result.
    ///
    /// # Errors
    /// The error of `store` with the result and the changes, which the caller can store again.
    pub fn persist<E>(
        self,
        store: impl FnOnce(&Delta, &T) -> Result<(), E>,
    ) -> Result<T, PersistError<T, E>> {
        match store(self.delta(), self.peek()) {
            Ok(()) => Ok(self.split().0),
            Err(error) => Err(PersistError { error, unpersisted: Box::new(self) }),
        }
    }

    /// Stores the changes in rows in memory, and returns the result.
    ///
    /// # Errors
    /// [`DeltaError`] with the result and the changes, if the Delta cannot be applied. The rows are
    /// unchanged.
    pub fn persist_to(self, rows: &mut Rows) -> Result<T, PersistError<T, DeltaError>> {
        self.persist(|delta, _| delta.apply(rows))
    }

    /// Returns the result without storing anything. This function is for callers with an
    /// asynchronous database. Such a caller writes [`Unpersisted::delta`], awaits the commit of the
    /// transaction, and then calls this function.
    pub fn assume_persisted(self) -> T {
        self.split().0
    }

    /// Returns the result and its Delta. This function is for callers that store the Delta in
    /// another thread or process. If the returned Delta is dropped, it does not return to the
    /// group, and all later Deltas are stale.
    pub fn into_parts(self) -> (T, Delta) {
        self.split()
    }

    /// Applies a function to the result. The changes stay the same.
    pub fn map<U>(self, function: impl FnOnce(T) -> U) -> Unpersisted<U> {
        let Self { value, changes } = self;
        Unpersisted { value: function(value), changes }
    }

    /// Applies a fallible function to the result. The changes stay the same.
    ///
    /// # Errors
    /// The error of the function. On error, the result is dropped, and the changes return to the
    /// group.
    pub fn try_map<U, E>(self, function: impl FnOnce(T) -> Result<U, E>) -> Result<Unpersisted<U>, E> {
        let Self { value, changes } = self;
        Ok(Unpersisted { value: function(value)?, changes })
    }

    /// Joins this result and the result of the next operation, so that one transaction stores both
    /// Deltas.
    ///
    /// # Errors
    /// [`NotContiguous`] with both results, if `next` does not follow this result in the same
    /// group.
    pub fn then<U>(self, next: Unpersisted<U>) -> Result<Unpersisted<(T, U)>, NotContiguous<T, U>> {
        let (dropped, next_dropped) =
            (self.changes.dropped.clone_handle(), next.changes.dropped.clone_handle());
        if !Arc::ptr_eq(&dropped.0, &next_dropped.0) {
            let both = Box::new((self, next));
            return Err(NotContiguous { error: DeltaError::Stale, both });
        }
        let ((first, delta), (second, next_delta)) = (self.split(), next.split());
        let joined = match (delta.is_empty(), next_delta.is_empty()) {
            (true, _) => Ok(next_delta),
            (false, true) => Ok(delta),
            (false, false) => delta.then(next_delta),
        };
        match joined {
            Ok(delta) => Ok(Unpersisted::new((first, second), delta, dropped)),
            Err((error, deltas)) => {
                let (delta, next_delta) = *deltas;
                let next = Unpersisted::new(second, next_delta, next_dropped);
                Err(NotContiguous { error, both: Box::new((Unpersisted::new(first, delta, dropped), next)) })
            }
        }
    }
}

impl<T> Unpersisted<T> {
    fn split(self) -> (T, Delta) {
        let Self { value, mut changes } = self;
        (value, std::mem::take(&mut changes.delta))
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let delta = std::mem::take(&mut self.delta);
        if !delta.is_empty() {
            self.dropped.keep(delta);
        }
    }
}

/// An error of a store, with the result and its changes.
pub struct PersistError<T, E> {
    /// The error of the store.
    pub error: E,
    /// The result of the operation and its changes. The caller can store them again, even if it
    /// does not know whether the first attempt took effect.
    pub unpersisted: Box<Unpersisted<T>>,
}

impl<T, E: fmt::Debug> fmt::Debug for PersistError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersistError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T, E: fmt::Display> fmt::Display for PersistError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a change was not stored: {}", self.error)
    }
}

impl<T, E: std::error::Error + 'static> std::error::Error for PersistError<T, E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Two results whose changes are not contiguous.
pub struct NotContiguous<T, U> {
    /// The reason why the changes are not contiguous.
    pub error: DeltaError,
    /// The first result and the next one.
    pub both: Box<(Unpersisted<T>, Unpersisted<U>)>,
}

impl<T, U> fmt::Debug for NotContiguous<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotContiguous").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T, U> fmt::Display for NotContiguous<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the second operation does not follow the first: {}", self.error)
    }
}

impl<T, U> std::error::Error for NotContiguous<T, U> {}

/// The Deltas of dropped results. A group and its results share this list.
///
/// A clone of a group begins with an empty list, because only one of the two groups may be used
/// afterwards.
#[derive(Debug, Default)]
pub(crate) struct DroppedDeltas(Arc<Mutex<Vec<Delta>>>);

impl Clone for DroppedDeltas {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl DroppedDeltas {
    /// Returns a second handle to the same list.
    pub(crate) fn clone_handle(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn keep(&self, delta: Delta) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(delta);
    }

    /// Merges the dropped Deltas that lead to `delta`, and `delta` itself, into a single Delta.
    /// Other dropped Deltas stay in the list.
    pub(crate) fn before(&self, delta: Delta) -> Delta {
        let mut dropped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delta = delta;
        while let Some(at) = dropped.iter().position(|earlier| delta.follows.contains(&earlier.becomes)) {
            delta = match dropped.swap_remove(at).then(delta) {
                Ok(joined) => joined,
                // The position matches but the Delta does not follow. This case cannot occur within
                // one instance.
                Err((_, deltas)) => deltas.1,
            };
        }
        delta
    }
}
