//! Transactions, which take effect entirely or not at all.

use crate::StoreError;
use crate::backend::Backend;
use crate::cipher::{Kind, alone, range, tagged};
use crate::error::{Misuse, Record};
use crate::faults::point;
use crate::group::{GroupLock, GroupRecord, InstanceEntry};
use crate::instance::{InstanceCipher, State, Sums, row_key};
use crate::store::{Store, Unerased};
use pando_mls::{Delta, DeltaError, Encode, Fit, GroupId, GroupState, RowKey, Rows, SecretBytes, StateRow};

/// A transaction on a store. The transaction is rolled back if it is dropped without a commit.
/// After an error, the transaction can only be dropped.
#[derive(Debug)]
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Transaction<'a, B: Backend> {
    pub(crate) store: &'a mut Store<B>,
    /// Whether the transaction has deleted or replaced secrets.
    pub(crate) erases: bool,
    /// Whether an operation that may have written a part of its changes has failed.
    pub(crate) failed: bool,
    ended: bool,
}

impl<'a, B: Backend> Transaction<'a, B> {
    pub(crate) const fn new(store: &'a mut Store<B>) -> Self {
        Self { store, erases: false, failed: false, ended: false }
    }

    /// Stores the changes of an operation on a group.
    ///
    /// A Delta changes only the rows of its own instance, and only if the Delta follows the stored
    /// position of the instance. Storing a Delta again has no effect and is not an error.
    ///
    /// A whole Delta begins a new instance, and replaces a group that has ended for this client.
    /// The instance of an external Commit is kept in addition to the existing group. The new
    /// instance replaces that group when the Delta of
    /// [`Group::merge_pending`](pando_mls::Group::merge_pending) is stored. If an earlier attempt
    /// to join has left an instance, that instance is deleted.
    ///
    /// # Errors
    /// - [`StoreError::Stale`] if the Delta does not follow the stored rows.
    /// - [`StoreError::Occupied`] if the Delta begins a new instance of a group that is stored and
    ///   has not ended.
    /// - [`Misuse::OtherGroup`], [`Misuse::OtherStore`].
    pub fn apply(&mut self, lock: &GroupLock, delta: &Delta) -> Result<(), StoreError> {
        self.write_delta(lock, delta).map(drop)
    }

    /// Stores a Delta, unless it is already stored.
    pub(crate) fn write_delta(&mut self, lock: &GroupLock, delta: &Delta) -> Result<Fit, StoreError> {
        let mut record = self.store.locked_record(lock)?;
        if delta.is_empty() {
            return Ok(Fit::Applied);
        }
        let group_id = lock.group_id();
        if delta.group_id() != group_id {
            return Err(Misuse::OtherGroup.into());
        }
        let found = record.instances().find(|entry| entry.instance == delta.instance());
        let found = found.map(|entry| InstanceCipher::new(&self.store.cipher, group_id, entry));
        let stored = match &found {
            None => None,
            Some(instance) => {
                let state = self.store.state(group_id, instance)?;
                Some(state.ok_or(StoreError::Corrupt(Record::Group))?)
            }
        };
        match delta.check(stored.map(|state| state.row.position)) {
            Ok(Fit::Apply) => {}
            Ok(Fit::Applied) => return Ok(Fit::Applied),
            Err(DeltaError::Occupied) => return Err(StoreError::Occupied),
            // After `Stale`, `OtherGroup`, and any error that a later version adds, the group must
            // be loaded again.
            Err(_) => return Err(StoreError::Stale),
        }
        let (instance, stored) = match (found, stored) {
            (Some(instance), Some(stored)) => (instance, stored),
            _ => {
                let entry = self.begin(lock, &mut record, delta)?;
                let row = StateRow { position: delta.becomes(), state: delta.state() };
                (entry, State { row, sums: Sums::default() })
            }
        };
        let written = self.write(group_id, &instance, stored.sums, delta);
        self.failed |= written.is_err();
        written?;
        let is_accepted = stored.row.state == GroupState::Joining && delta.state() != GroupState::Joining;
        if is_accepted {
            let joined = record.joining.take();
            self.forget_instance(group_id, std::mem::replace(&mut record.current, joined))?;
            self.put_group_record(lock, &record)?;
        }
        if delta.state() == GroupState::Removed {
            self.remember(group_id)?;
        }
        Ok(Fit::Apply)
    }

    /// Deletes the instance of an external Commit that was not accepted, if there is one. The
    /// client's existing group stays unchanged.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`Misuse::OtherStore`].
    pub fn abandon_join(&mut self, lock: &GroupLock) -> Result<(), StoreError> {
        let mut record = self.store.locked_record(lock)?;
        self.forget_instance(lock.group_id(), record.joining.take())?;
        self.put_group_record(lock, &record)
    }

    /// Deletes a group and all its rows.
    ///
    /// # Errors
    /// See [`Transaction::abandon_join`].
    pub fn delete_group(&mut self, lock: &GroupLock) -> Result<(), StoreError> {
        let GroupRecord { group_id, current, joining } = self.store.locked_record(lock)?;
        self.remember(&group_id)?;
        self.forget_instance(&group_id, current)?;
        self.forget_instance(&group_id, joining)?;
        self.put_group_record(lock, &GroupRecord::new(group_id))
    }

    /// Records the last epoch of a group that ends for this client, if the group is stored.
    fn remember(&mut self, group_id: &GroupId) -> Result<(), StoreError> {
        match self.store.stored_group(group_id)? {
            Some(stored) => self.remember_group(group_id, stored.context.epoch),
            None => Ok(()),
        }
    }

    /// Adds the instance of a whole Delta to the entry of its group.
    fn begin(
        &mut self,
        lock: &GroupLock,
        record: &mut GroupRecord,
        delta: &Delta,
    ) -> Result<InstanceCipher, StoreError> {
        let group_id = lock.group_id();
        let entry = InstanceEntry::new(delta.instance())?;
        let instance = InstanceCipher::new(&self.store.cipher, group_id, &entry);
        let place = match delta.state() {
            GroupState::Joining => &mut record.joining,
            GroupState::Active | GroupState::Reinitialized | GroupState::Removed => {
                let stored = self.store.stored_group(group_id)?;
                match stored.map(|stored| stored.state) {
                    None | Some(GroupState::Reinitialized | GroupState::Removed) => {}
                    Some(GroupState::Active | GroupState::Joining) => return Err(StoreError::Occupied),
                }
                &mut record.current
            }
        };
        let replaced = place.replace(entry);
        self.forget_instance(group_id, replaced)?;
        self.put_group_record(lock, record)?;
        Ok(instance)
    }

    /// Writes and deletes the rows that a Delta names. `sums` contains the sums of the stored rows.
    fn write(
        &mut self,
        group_id: &GroupId,
        instance: &InstanceCipher,
        mut sums: Sums,
        delta: &Delta,
    ) -> Result<(), StoreError> {
        if delta.is_whole() {
            sums = Sums::default();
            self.delete(&instance.all_rows())?;
        }
        if delta.forget_before() > 0 {
            let bounds = instance.rows_before(delta.forget_before());
            self.store.backend.scan(range(&bounds), &mut |place, stored| {
                sums.remove(instance, row_key(place)?, place, stored);
                Ok(())
            })?;
            self.delete(&bounds)?;
        }
        for key in delta.deletes() {
            let place = instance.key(key);
            if self.take_from(instance, &mut sums, key, &place)? {
                self.delete(&alone(&place))?;
            }
        }
        for (key, row) in delta.writes() {
            if key == RowKey::State {
                continue;
            }
            // The public state contains no secrets.
            self.erases |= !matches!(key, RowKey::Public | RowKey::Tree(_));
            let place = instance.key(key);
            if !delta.is_whole() {
                self.take_from(instance, &mut sums, key, &place)?;
            }
            let sealed = instance.seal(&place, key, row)?;
            sums.add(instance, key, &place, sealed.expose());
            self.put_sealed(&place, sealed.expose())?;
        }
        let state = delta.writes().find(|(key, _)| *key == RowKey::State);
        self.write_state(group_id, instance, state.map(|(_, row)| row), sums)
    }

    /// Writes all rows of a new instance.
    pub(crate) fn write_instance(
        &mut self,
        group_id: &GroupId,
        instance: &InstanceCipher,
        rows: &Rows,
    ) -> Result<(), StoreError> {
        let mut sums = Sums::default();
        for (key, row) in rows.iter().filter(|(key, _)| **key != RowKey::State) {
            let place = instance.key(*key);
            let sealed = instance.seal(&place, *key, row.expose())?;
            sums.add(instance, *key, &place, sealed.expose());
            self.put_sealed(&place, sealed.expose())?;
        }
        let state = rows.get(&RowKey::State).map(SecretBytes::expose);
        self.write_state(group_id, instance, state, sums)
    }

    /// Writes the state of an instance.
    fn write_state(
        &mut self,
        group_id: &GroupId,
        instance: &InstanceCipher,
        row: Option<&[u8]>,
        sums: Sums,
    ) -> Result<(), StoreError> {
        let row = row.ok_or_else(|| StoreError::Corrupt(Record::Row(group_id.clone(), RowKey::State)))?;
        let place = instance.key(RowKey::State);
        let sealed = instance.seal(&place, RowKey::State, &State::encode(row, sums))?;
        self.put_sealed(&place, sealed.expose())
    }

    /// Subtracts the stored record of a row from the sums. Returns whether the row has a stored
    /// record.
    fn take_from(
        &self,
        instance: &InstanceCipher,
        sums: &mut Sums,
        key: RowKey,
        place: &[u8],
    ) -> Result<bool, StoreError> {
        let Some(stored) = self.store.backend.get(place)? else { return Ok(false) };
        sums.remove(instance, key, place, stored.expose());
        Ok(true)
    }

    /// Deletes the rows of an instance.
    fn forget_instance(
        &mut self,
        group_id: &GroupId,
        entry: Option<InstanceEntry>,
    ) -> Result<(), StoreError> {
        let Some(entry) = entry else { return Ok(()) };
        let instance = InstanceCipher::new(&self.store.cipher, group_id, &entry);
        self.delete(&instance.all_rows())
    }

    /// Writes the entry of a group, or deletes the entry if the group has no instance.
    fn put_group_record(&mut self, lock: &GroupLock, record: &GroupRecord) -> Result<(), StoreError> {
        let key = tagged(Kind::Group, lock.tag());
        // The old entry may contain the key of a deleted instance, which is a secret.
        self.erases = true;
        if record.instances().next().is_none() {
            return self.delete(&alone(&key));
        }
        self.put(&key, &record.encode_secret()?)
    }

    /// Commits the transaction durably. After an error, the changes may or may not be stored, so
    /// the groups must be loaded again.
    ///
    /// Deleted contents that cannot be overwritten yet are overwritten after a later transaction.
    /// [`Store::erase`] reports why deleted contents cannot be overwritten.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Busy`], or [`Misuse::TransactionEnded`] if an
    /// operation has failed. In the latter case, the transaction is rolled back.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.finish()?;
        if self.store.is_erasure_due() {
            // An error is ignored here, because the transaction has already taken effect.
            let _ = self.store.erase();
        }
        Ok(())
    }

    /// Commits without overwriting deleted contents.
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

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let sealed = self.store.cipher.seal(key, value)?;
        self.put_sealed(key, sealed.expose())
    }

    fn put_sealed(&mut self, key: &[u8], sealed: &[u8]) -> Result<(), StoreError> {
        let put = point("store::put").and_then(|()| self.store.backend.put(key, sealed));
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
