//! A transaction: what is written in it is there as a whole or not at all.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Cipher, Kind, all_rows, alone, range, rows_before, tagged};
use crate::error::Misuse;
use crate::faults::point;
use crate::group::{GroupLock, GroupRecord};
use crate::store::{Store, Unerased};
use pando_mls::{Delta, Encode, RowKey};

/// A transaction. It is undone if it is dropped, and after an error that is all that can be done with it.
#[derive(Debug)]
#[must_use = "what is not committed is undone"]
pub struct Transaction<'a, B: Backend> {
    pub(crate) store: &'a mut Store<B>,
    /// Whether secrets were deleted or replaced.
    pub(crate) erases: bool,
    /// Whether something has failed after which there may be a part of what was to be written.
    failed: bool,
    ended: bool,
}

impl<'a, B: Backend> Transaction<'a, B> {
    pub(crate) const fn new(store: &'a mut Store<B>) -> Self {
        Self { store, erases: false, failed: false, ended: false }
    }

    /// Stores what an operation has changed in a group.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the group has been written since it was loaded, or is there already and was not loaded,
    /// or is not there any more, or if an earlier transaction with this lock was not committed.
    pub fn apply(&mut self, lock: &mut GroupLock, delta: &Delta) -> Result<(), StoreError> {
        let stored = self.check_version(lock)?;
        if stored == 0 && !delta.is_whole() {
            return Err(StoreError::Stale);
        }
        let version = stored.checked_add(1).ok_or(StoreError::Stale)?;
        let record = GroupRecord { version, group_id: lock.group_id().clone() }.encode_secret()?;
        let tag = *lock.tag();
        if delta.is_whole() {
            self.delete(&all_rows(&tag))?;
        }
        if delta.forget_before() > 0 {
            self.delete(&rows_before(&tag, delta.forget_before()))?;
        }
        for key in delta.deletes() {
            self.delete(&alone(&self.store.cipher.row(&tag, key)))?;
        }
        for (key, value) in delta.writes() {
            // What everybody knows is no secret.
            self.erases |= !matches!(key, RowKey::Public | RowKey::Tree(_));
            let record = self.store.cipher.row(&tag, key);
            self.put(&record, Cipher::row_value(key, value).expose())?;
        }
        self.put(&tagged(Kind::Group, &tag), &record)?;
        // If this is not committed, the lock is ahead, and nothing more is taken from whoever holds it.
        lock.set_version(version);
        Ok(())
    }

    /// Deletes a group, with all its rows.
    ///
    /// # Errors
    /// As [`Transaction::apply`].
    pub fn delete_group(&mut self, lock: &mut GroupLock) -> Result<(), StoreError> {
        self.check_version(lock)?;
        self.delete(&all_rows(lock.tag()))?;
        self.delete(&alone(&tagged(Kind::Group, lock.tag())))?;
        lock.set_version(0);
        Ok(())
    }

    /// Makes everything durable. After an error, the changes may be stored or not: load the groups again.
    ///
    /// Deleted contents that cannot be overwritten yet are overwritten after a later transaction. [`Store::erase`] reports what
    /// is in the way.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Busy`]. [`Misuse::TransactionEnded`] if something in it has failed: it is undone.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.finish()?;
        if self.store.is_erasure_due() {
            // The transaction has happened in any case.
            let _ = self.store.erase();
        }
        Ok(())
    }

    /// Commits without overwriting anything.
    pub(crate) fn finish(&mut self) -> Result<(), StoreError> {
        point("store::commit")?;
        if self.failed {
            return Err(Misuse::TransactionEnded.into());
        }
        self.store.backend.commit()?;
        self.ended = true;
        if self.erases {
            self.store.unerased = self.store.unerased.max(Unerased::Deleted);
        }
        point("store::committed")
    }

    /// The version of the group in the store, which must be that of the lock.
    fn check_version(&self, lock: &GroupLock) -> Result<u64, StoreError> {
        lock.check_store(self.store.cipher.id())?;
        let stored = self.store.group_record(lock)?.map_or(0, |record| record.version);
        if stored == lock.version() { Ok(stored) } else { Err(StoreError::Stale) }
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let put = point("store::put").and_then(|()| {
            let sealed = self.store.cipher.seal(key, value)?;
            self.store.backend.put(key, sealed.expose())
        });
        self.failed |= put.is_err();
        put
    }

    pub(crate) fn delete<T: AsRef<[u8]>>(&mut self, bounds: &(T, T)) -> Result<(), StoreError> {
        self.erases = true;
        let deleted = point("store::delete").and_then(|()| self.store.backend.delete(range(bounds)));
        self.failed |= deleted.is_err();
        deleted
    }
}

impl<B: Backend> Drop for Transaction<'_, B> {
    fn drop(&mut self) {
        if !self.ended {
            self.store.backend.rollback();
        }
    }
}
