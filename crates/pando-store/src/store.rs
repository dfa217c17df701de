//! Opening and reading a store.

use crate::StoreError;
use crate::backend::{Backend, Each};
use crate::cipher::{Cipher, HEADER, Kind, all, range, tagged};
use crate::error::Record;
use crate::faults::point;
use crate::group::{GroupLock, GroupRecord, InstanceEntry};
use crate::instance::{InstanceCipher, State, Sums, row_key};
use crate::key::{Header, Key};
use crate::transaction::Transaction;
use pando_mls::{
    Encode, Fit, GroupId, GroupState, KnownGroups, PersistError, RowKey, Rows, SecretBytes, SourceError,
    StateRow, Unpersisted,
};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The time when deleted contents are overwritten. A key change ([`Store::rewrap`],
/// [`Store::rotate`], [`Store::shred`]) overwrites deleted contents in every mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Erase {
    /// Overwrites deleted contents after each transaction that has deleted or replaced a secret.
    #[default]
    AtOnce,
    /// Overwrites deleted contents when [`Store::erase`] is called. This mode suits clients that
    /// receive many messages in a row.
    WhenAsked,
}

/// The state of deleted contents that have not been overwritten yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unerased {
    Nothing,
    /// Contents deleted by transactions.
    Deleted,
    /// Contents that must be overwritten after the next transaction, whatever the mode.
    Overdue,
}

/// The groups and keys of a client, stored in a database.
pub struct Store<B: Backend> {
    pub(crate) backend: B,
    pub(crate) cipher: Cipher,
    pub(crate) erase: Erase,
    pub(crate) unerased: Unerased,
}

impl<B: Backend> fmt::Debug for Store<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("erase", &self.erase).finish_non_exhaustive()
    }
}

/// The known groups are the stored groups from which the client has not been removed.
impl<B: Backend> KnownGroups for Store<B> {
    fn is_in_group(&self, group_id: &GroupId) -> Result<bool, SourceError> {
        Self::is_in_group(self, group_id).map_err(SourceError::new)
    }
}

impl<B: Backend> Store<B> {
    /// Opens the store in a database, or creates a store if the database contains none.
    ///
    /// Opening a store also overwrites deleted contents that an earlier client left behind. If
    /// another connection prevents the overwriting, the next transaction tries again.
    ///
    /// # Errors
    /// - Before anything is written: [`StoreError::WrongKey`], [`StoreError::Older`],
    ///   [`StoreError::Newer`], [`StoreError::TooCostly`], and [`StoreError::Corrupt`] if the
    ///   header is damaged or missing.
    /// - [`StoreError::Busy`], [`StoreError::Io`], [`StoreError::JournalMode`].
    /// - For a shredded store: [`StoreError::Shredded`], or [`StoreError::NotErased`] if its former
    ///   contents have not been overwritten yet.
    pub fn new(backend: B, key: &Key) -> Result<Self, StoreError> {
        let mut backend = backend;
        let header = match backend.get(&HEADER)? {
            Some(header) => header,
            None => create(&mut backend, key)?,
        };
        let opened = match Header::read(header.expose())?.open(key) {
            Err(StoreError::Shredded) => {
                backend.ready().and_then(|()| backend.erase()).map_err(not_erased)?;
                return Err(StoreError::Shredded);
            }
            opened => opened?,
        };
        backend.ready()?;
        let cipher = Cipher::new(opened.store_id, &opened.data_key, opened.sealed);
        let mut store = Self { backend, cipher, erase: Erase::default(), unerased: Unerased::Overdue };
        let _ = store.erase();
        Ok(store)
    }

    /// Returns the identifier of the store, which consists of 16 random bytes. The identifier
    /// distinguishes stores that have the same key, so an application with several stores can check
    /// which one it has opened.
    pub const fn id(&self) -> &[u8; 16] {
        self.cipher.store_id()
    }

    /// Opens a second connection to the store, for reading.
    pub(crate) fn again(&self) -> Result<Self, StoreError> {
        let (backend, cipher) = (self.backend.again()?, self.cipher.again());
        Ok(Self { backend, cipher, erase: self.erase, unerased: Unerased::Nothing })
    }

    /// Sets when deleted contents are overwritten.
    pub const fn set_erase(&mut self, erase: Erase) {
        self.erase = erase;
    }

    /// Returns the database.
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// Begins a transaction. The transaction is rolled back if it is dropped without a commit.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if another transaction does not end in time.
    /// - [`StoreError::WrongKey`] if the data key was changed since the store was opened.
    pub fn begin(&mut self) -> Result<Transaction<'_, B>, StoreError> {
        point("store::begin")?;
        self.backend.begin()?;
        let transaction = Transaction::new(self);
        transaction.store.check_key()?;
        Ok(transaction)
    }

    /// Stores the changes of an operation together with the writes of `also`, in one transaction,
    /// and returns the result.
    ///
    /// If the changes are already stored, because an earlier call failed after its commit, `also`
    /// is not called. The writes of `also` from the earlier call are stored, too.
    ///
    /// # Errors
    /// Returns the errors of `also`, [`Store::begin`], [`Transaction::apply`] and
    /// [`Transaction::commit`], together with the result and its changes. The changes can be stored
    /// again, even if it is unknown whether they were stored.
    pub fn persist<T, E: From<StoreError>>(
        &mut self,
        lock: &GroupLock,
        unpersisted: Unpersisted<T>,
        also: impl FnOnce(&mut Transaction<'_, B>, &T) -> Result<(), E>,
    ) -> Result<T, PersistError<T, E>> {
        unpersisted.persist(|delta, result| {
            let mut transaction = self.begin()?;
            let is_new = transaction.write_delta(lock, delta)? == Fit::Apply;
            if is_new || delta.is_empty() {
                also(&mut transaction, result)?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// Acquires the exclusive lock of a group. The lock is held until it is dropped or the process
    /// ends.
    ///
    /// # Errors
    /// Returns [`StoreError::Busy`] if the lock cannot be acquired within `wait`. On
    /// `wasm32-unknown-unknown`, which has no clock, this error is returned immediately if the lock
    /// is held.
    pub fn lock(&self, group_id: &GroupId, wait: Duration) -> Result<GroupLock, StoreError> {
        let tag = self.cipher.group_tag(group_id);
        let guard = self.backend.lock(&tag, wait)?;
        Ok(GroupLock::new(group_id.clone(), tag, *self.cipher.id(), guard))
    }

    /// Returns all rows of a group, or `None` if the group is not stored.
    ///
    /// # Errors
    /// Returns [`StoreError::Corrupt`] with the damaged row, or with [`Record::Group`] if a row is
    /// missing or outdated.
    pub fn load(&self, lock: &GroupLock) -> Result<Option<Rows>, StoreError> {
        let record = self.locked_record(lock)?;
        record.current.map(|entry| self.read_instance(lock.group_id(), &entry)).transpose()
    }

    /// Returns all rows of the group in its state after our pending external Commit
    /// ([`GroupState::Joining`](pando_mls::GroupState::Joining)), or `None` if there is no such
    /// Commit.
    ///
    /// # Errors
    /// See [`Store::load`].
    pub fn load_joining(&self, lock: &GroupLock) -> Result<Option<Rows>, StoreError> {
        let record = self.locked_record(lock)?;
        record.joining.map(|entry| self.read_instance(lock.group_id(), &entry)).transpose()
    }

    /// Returns a row of a group.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn row(&self, group_id: &GroupId, key: RowKey) -> Result<Option<SecretBytes>, StoreError> {
        match self.instance(group_id)? {
            Some(instance) => self.read_row(group_id, &instance, key),
            None => Ok(None),
        }
    }

    /// Returns those rows of a group that have keys in a range.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn rows(&self, group_id: &GroupId, keys: RangeInclusive<RowKey>) -> Result<Rows, StoreError> {
        match self.instance(group_id)? {
            Some(instance) => self.read_rows(group_id, &instance, keys),
            None => Ok(Rows::new()),
        }
    }

    /// Returns the identifiers of the stored groups.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        self.groups_with(|record| record.current.is_some())
    }

    /// Returns the identifiers of the groups for which this client has an external Commit that is
    /// not yet known to be accepted.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn joining(&self) -> Result<Vec<GroupId>, StoreError> {
        self.groups_with(|record| record.joining.is_some())
    }

    pub(crate) fn groups_with(
        &self,
        is_wanted: impl Fn(&GroupRecord) -> bool,
    ) -> Result<Vec<GroupId>, StoreError> {
        let mut groups = Vec::new();
        self.scan(&all(Kind::Group), || Record::Group, &mut |_, value| {
            let record = GroupRecord::read(value)?;
            groups.extend(is_wanted(&record).then_some(record.group_id));
            Ok(())
        })?;
        groups.sort();
        Ok(groups)
    }

    /// Returns whether a group is stored. A group does not count as stored if only an external
    /// Commit is stored that is not yet known to be accepted.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn contains(&self, group_id: &GroupId) -> Result<bool, StoreError> {
        Ok(self.group_record(group_id)?.is_some_and(|record| record.current.is_some()))
    }

    /// Returns whether the client is in a group: the group is stored and the client was not removed
    /// from it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn is_in_group(&self, group_id: &GroupId) -> Result<bool, StoreError> {
        let stored = self.stored_group(group_id)?;
        Ok(stored.is_some_and(|stored| match stored.state {
            GroupState::Active | GroupState::Reinitialized => true,
            GroupState::Joining | GroupState::Removed => false,
        }))
    }

    /// Overwrites deleted contents.
    ///
    /// # Errors
    /// Returns [`StoreError::Busy`] if another connection still reads the deleted contents. Other
    /// errors are [`StoreError::JournalMode`] and [`StoreError::Io`].
    pub fn erase(&mut self) -> Result<(), StoreError> {
        point("store::erase")?;
        self.backend.erase()?;
        self.unerased = Unerased::Nothing;
        point("store::erased")
    }

    /// Overwrites the contents that a committed key change has replaced.
    pub(crate) fn erase_old_keys(&mut self) -> Result<(), StoreError> {
        self.unerased = Unerased::Overdue;
        self.erase().map_err(not_erased)
    }

    /// Returns whether deleted contents must be overwritten after a transaction.
    pub(crate) fn is_erasure_due(&self) -> bool {
        match self.erase {
            Erase::AtOnce => self.unerased > Unerased::Nothing,
            Erase::WhenAsked => self.unerased == Unerased::Overdue,
        }
    }

    /// Overwrites unused space and returns it to the file system. The compaction needs memory for
    /// the whole database, and disk space for twice its size.
    ///
    /// # Errors
    /// Returns [`StoreError::Busy`] if another connection prevents the compaction, or
    /// [`StoreError::Io`]. After an error, the store is unchanged, or uses more space until this
    /// function is called again.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        self.backend.compact()?;
        self.erase()
    }

    /// Returns the entry of a group.
    pub(crate) fn group_record(&self, group_id: &GroupId) -> Result<Option<GroupRecord>, StoreError> {
        let key = tagged(Kind::Group, &self.cipher.group_tag(group_id));
        let Some(value) = self.get(&key, || Record::Group)? else { return Ok(None) };
        let record = GroupRecord::read(value.expose())?;
        if record.group_id == *group_id { Ok(Some(record)) } else { Err(StoreError::Corrupt(Record::Group)) }
    }

    /// Returns the entry of a locked group. If the group is not stored, the returned entry is
    /// empty.
    pub(crate) fn locked_record(&self, lock: &GroupLock) -> Result<GroupRecord, StoreError> {
        lock.check_store(self.cipher.id())?;
        let record = self.group_record(lock.group_id())?;
        Ok(record.unwrap_or_else(|| GroupRecord::new(lock.group_id().clone())))
    }

    /// Returns the place and the keys of a group's rows, or `None` if the group is not stored.
    fn instance(&self, group_id: &GroupId) -> Result<Option<InstanceCipher>, StoreError> {
        let current = self.group_record(group_id)?.and_then(|record| record.current);
        Ok(current.map(|entry| InstanceCipher::new(&self.cipher, group_id, &entry)))
    }

    /// Checks that the data key has not changed since the store was opened.
    pub(crate) fn check_key(&self) -> Result<(), StoreError> {
        let id = self.backend.get(&key_id())?;
        if id == Some(self.cipher.id().as_slice().into()) { Ok(()) } else { Err(StoreError::WrongKey) }
    }

    pub(crate) fn get(
        &self,
        key: &[u8],
        what: impl FnOnce() -> Record,
    ) -> Result<Option<SecretBytes>, StoreError> {
        point("store::get")?;
        let Some(stored) = self.backend.get(key)? else {
            // After a change of the data key, every lookup finds nothing. The data key is therefore
            // checked here.
            return self.check_key().map(|()| None);
        };
        self.cipher.open(key, stored.expose(), what).map(Some)
    }

    /// Passes each key in a range and its value to `each`.
    pub(crate) fn scan<T: AsRef<[u8]>>(
        &self,
        bounds: &(T, T),
        what: impl Fn() -> Record,
        each: &mut Each<'_>,
    ) -> Result<(), StoreError> {
        point("store::scan")?;
        let scanned = self.backend.scan(range(bounds), &mut |key, stored| {
            let value = self.cipher.open(key, stored, &what)?;
            each(key, value.expose())
        });
        // The key is checked after the scan. If the data key was changed, the scan could not find
        // or open the records.
        self.check_key()?;
        scanned
    }

    /// Returns a row of an instance.
    pub(crate) fn read_row(
        &self,
        group_id: &GroupId,
        instance: &InstanceCipher,
        key: RowKey,
    ) -> Result<Option<SecretBytes>, StoreError> {
        point("store::get")?;
        let place = instance.key(key);
        let Some(stored) = self.backend.get(&place)? else { return self.check_key().map(|()| None) };
        let (_, row) = instance.open(group_id, &place, stored.expose())?;
        if key == RowKey::State { Ok(Some(state(&row)?.1)) } else { Ok(Some(row)) }
    }

    /// Returns those rows of an instance that have keys in a range.
    pub(crate) fn read_rows(
        &self,
        group_id: &GroupId,
        instance: &InstanceCipher,
        keys: RangeInclusive<RowKey>,
    ) -> Result<Rows, StoreError> {
        let mut rows = Rows::new();
        self.scan_rows(group_id, instance, &instance.some_rows(&keys), &mut |key, row, _, _| {
            rows.insert(key, row);
        })?;
        rows.retain(|key, _| keys.contains(key));
        if let Some(row) = rows.get_mut(&RowKey::State) {
            *row = state(row)?.1;
        }
        Ok(rows)
    }

    /// Returns all rows of an instance, and verifies their sums.
    pub(crate) fn read_instance(
        &self,
        group_id: &GroupId,
        entry: &InstanceEntry,
    ) -> Result<Rows, StoreError> {
        match self.read_and_sum(group_id, entry)? {
            (rows, true) => Ok(rows),
            (_, false) => Err(StoreError::Corrupt(Record::Group)),
        }
    }

    /// Returns all rows of an instance, and whether their sums are correct.
    pub(crate) fn read_and_sum(
        &self,
        group_id: &GroupId,
        entry: &InstanceEntry,
    ) -> Result<(Rows, bool), StoreError> {
        let instance = InstanceCipher::new(&self.cipher, group_id, entry);
        let (mut rows, mut sums) = (Rows::new(), Sums::default());
        self.scan_rows(group_id, &instance, &instance.all_rows(), &mut |key, row, place, stored| {
            sums.add(&instance, key, place, stored);
            rows.insert(key, row);
        })?;
        let Some(row) = rows.get_mut(&RowKey::State) else { return Ok((rows, false)) };
        let (state, bare) = state(row)?;
        *row = bare;
        Ok((rows, state.sums == sums))
    }

    /// Verifies the sum of an instance's rows outside the tree.
    pub(crate) fn check_beside_the_tree(
        &self,
        group_id: &GroupId,
        instance: &InstanceCipher,
    ) -> Result<(), StoreError> {
        let mut sums = Sums::default();
        for bounds in instance.beside_the_tree() {
            point("store::scan")?;
            let scanned = self.backend.scan(range(&bounds), &mut |place, stored| {
                sums.add(instance, row_key(place)?, place, stored);
                Ok(())
            });
            self.check_key()?;
            scanned?;
        }
        let state = self.state(group_id, instance)?;
        let same = state.is_some_and(|state| state.sums.are_same_beside_the_tree(sums));
        if same { Ok(()) } else { Err(StoreError::Corrupt(Record::Group)) }
    }

    /// Returns the state of an instance.
    pub(crate) fn state(
        &self,
        group_id: &GroupId,
        instance: &InstanceCipher,
    ) -> Result<Option<State>, StoreError> {
        let place = instance.key(RowKey::State);
        let Some(stored) = self.backend.get(&place)? else { return self.check_key().map(|()| None) };
        let (_, row) = instance.open(group_id, &place, stored.expose())?;
        state(&row).map(|(state, _)| Some(state))
    }

    fn scan_rows(
        &self,
        group_id: &GroupId,
        instance: &InstanceCipher,
        bounds: &(Vec<u8>, Vec<u8>),
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        point("store::scan")?;
        let scanned = self.backend.scan(range(bounds), &mut |place, stored| {
            let (key, row) = instance.open(group_id, place, stored)?;
            each(key, row, place, stored);
            Ok(())
        });
        self.check_key()?;
        scanned
    }
}

/// A callback that receives a row and its record.
type EachRow<'a> = dyn FnMut(RowKey, SecretBytes, &[u8], &[u8]) + 'a;

/// Decodes the record of [`RowKey::State`]. Returns the decoded record and the row that it
/// contains.
fn state(value: &SecretBytes) -> Result<(State, SecretBytes), StoreError> {
    let state = State::read(value.expose()).ok_or(StoreError::Corrupt(Record::Group))?;
    let row = value.expose().get(..StateRow::LEN).unwrap_or_default();
    Ok((state, row.into()))
}

/// Returns [`StoreError::NotErased`] with the reason why the contents replaced by a committed
/// change have not been overwritten.
pub(crate) fn not_erased(source: StoreError) -> StoreError {
    StoreError::NotErased { source: Box::new(source) }
}

/// Returns the key of the record that identifies the data key.
pub(crate) const fn key_id() -> [u8; 2] {
    [Kind::Header as u8, 1]
}

/// Creates an empty store, and returns its header.
fn create<B: Backend>(backend: &mut B, key: &Key) -> Result<SecretBytes, StoreError> {
    let (data_key, store_id) = (Header::data_key()?, Header::store_id()?);
    let header: SecretBytes = Header::new(store_id, key, &data_key)?.encode()?.into();
    backend.begin()?;
    let made = make(backend, &header, &Cipher::new(store_id, &data_key, false));
    match made {
        Ok(header) => backend.commit().map(|()| header),
        Err(error) => {
            backend.rollback();
            Err(error)
        }
    }
}

fn make<B: Backend>(
    backend: &mut B,
    header: &SecretBytes,
    cipher: &Cipher,
) -> Result<SecretBytes, StoreError> {
    // Another process may have created the store in the meantime.
    if let Some(header) = backend.get(&HEADER)? {
        return Ok(header);
    }
    let everything: (&[u8], &[u8]) = (&HEADER, &[0xff]);
    backend.scan(range(&everything), &mut |_, _| Err(StoreError::Corrupt(Record::Header)))?;
    backend.put(&HEADER, header.expose())?;
    backend.put(&key_id(), cipher.id())?;
    Ok(header.expose().into())
}
