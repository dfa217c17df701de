//! A database in memory, for tests and for clients that must leave no data behind.

use crate::StoreError;
use crate::backend::{Backend, Each, Guard, wait_for};
use pando_mls::SecretBytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A database in memory. [`Backend::again`] opens a second connection to the same database.
#[derive(Debug, Default)]
pub struct Memory {
    shared: Arc<Mutex<Shared>>,
    /// The values that the current transaction has written, or `None` for each deleted key.
    changes: Option<BTreeMap<Vec<u8>, Option<SecretBytes>>>,
}

#[derive(Debug, Default)]
struct Shared {
    records: BTreeMap<Vec<u8>, SecretBytes>,
    writing: bool,
    locks: BTreeSet<[u8; 16]>,
}

impl Memory {
    /// Returns an empty database.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        locked(&self.shared)
    }
}

fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // No code panics while it holds the lock, so the state is consistent.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bounds<'a>(range: &Range<&'a [u8]>) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    (Bound::Included(range.start), Bound::Excluded(range.end))
}

impl Backend for Memory {
    fn again(&self) -> Result<Self, StoreError> {
        Ok(Self { shared: Arc::clone(&self.shared), changes: None })
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let mut shared = locked(&self.shared);
        if shared.writing {
            return Err(StoreError::Busy);
        }
        shared.writing = true;
        self.changes = Some(BTreeMap::new());
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let mut shared = locked(&self.shared);
        for (key, change) in self.changes.take().unwrap_or_default() {
            match change {
                Some(value) => drop(shared.records.insert(key, value)),
                None => drop(shared.records.remove(&key)),
            }
        }
        shared.writing = false;
        Ok(())
    }

    fn rollback(&mut self) {
        if self.changes.take().is_some() {
            self.shared().writing = false;
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<SecretBytes>, StoreError> {
        if let Some(change) = self.changes.as_ref().and_then(|changes| changes.get(key)) {
            return Ok(change.as_ref().map(|value| value.expose().into()));
        }
        Ok(self.shared().records.get(key).map(|value| value.expose().into()))
    }

    fn scan(&self, range: Range<&[u8]>, each: &mut Each<'_>) -> Result<(), StoreError> {
        if range.start >= range.end {
            return Ok(());
        }
        let mut found: BTreeMap<Vec<u8>, SecretBytes> = BTreeMap::new();
        for (key, value) in self.shared().records.range::<[u8], _>(bounds(&range)) {
            found.insert(key.clone(), value.expose().into());
        }
        for (key, change) in self.changes.iter().flat_map(|changes| changes.range::<[u8], _>(bounds(&range)))
        {
            match change {
                Some(value) => drop(found.insert(key.clone(), value.expose().into())),
                None => drop(found.remove(key)),
            }
        }
        found.iter().try_for_each(|(key, value)| each(key, value.expose()))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let changes = self.changes.get_or_insert_default();
        changes.insert(key.to_vec(), Some(value.into()));
        Ok(())
    }

    fn delete(&mut self, range: Range<&[u8]>) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        self.scan(range, &mut |key, _| {
            keys.push(key.to_vec());
            Ok(())
        })?;
        self.changes.get_or_insert_default().extend(keys.into_iter().map(|key| (key, None)));
        Ok(())
    }

    fn lock(&self, name: &[u8; 16], wait: Duration) -> Result<Guard, StoreError> {
        wait_for(wait, || {
            let free = self.shared().locks.insert(*name);
            Ok(free.then(|| Guard::new(Held { shared: Arc::clone(&self.shared), name: *name })))
        })
    }

    fn erase(&mut self) -> Result<(), StoreError> {
        // Values are already overwritten when they are dropped.
        Ok(())
    }

    fn compact(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.rollback();
    }
}

struct Held {
    shared: Arc<Mutex<Shared>>,
    name: [u8; 16],
}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.shared).locks.remove(&self.name);
    }
}
