//! A store: opening it, and reading.

use crate::StoreError;
use crate::backend::{Backend, Each};
use crate::cipher::{Cipher, HEADER, Kind, Tag, all, all_rows, range, row_key, tagged};
use crate::error::Record;
use crate::faults::point;
use crate::group::{GroupLock, GroupRecord};
use crate::key::{Header, Key};
use crate::transaction::Transaction;
use pando_mls::{Encode, GroupId, RowKey, Rows, SecretBytes};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// When deleted contents are overwritten. A change of keys ([`Store::rewrap`], [`Store::rotate`], [`Store::shred`]) overwrites
/// them in every mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Erase {
    /// After each transaction that has deleted or replaced a secret.
    #[default]
    AtOnce,
    /// When [`Store::erase`] is called. For clients that receive many messages one after the other.
    WhenAsked,
}

/// Deleted contents that are not overwritten yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unerased {
    Nothing,
    /// Contents that transactions have deleted.
    Deleted,
    /// Contents that must be overwritten after the next transaction, in every mode.
    Overdue,
}

/// A client's groups and keys, in a database.
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

impl<B: Backend> Store<B> {
    /// Opens the store in a database, or creates one if there is none.
    ///
    /// Overwrites deleted contents that an earlier client has left behind. If a reader is in the way, the next transaction
    /// tries again.
    ///
    /// # Errors
    /// Before anything is written: [`StoreError::WrongKey`], [`StoreError::Older`], [`StoreError::Newer`],
    /// [`StoreError::TooCostly`], and [`StoreError::Corrupt`] if the header is damaged or missing. [`StoreError::Busy`],
    /// [`StoreError::Io`], [`StoreError::JournalMode`]. Of a store that was shredded: [`StoreError::Shredded`], or
    /// [`StoreError::NotErased`] if what it held is not overwritten yet.
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

    /// Returns the identifier of the store: 16 random bytes. Stores under one key differ by it, so an application that
    /// has several can remember which is which.
    pub const fn id(&self) -> &[u8; 16] {
        self.cipher.store_id()
    }

    /// Opens the store once more, for reading.
    pub(crate) fn again(&self) -> Result<Self, StoreError> {
        let (backend, cipher) = (self.backend.again()?, self.cipher.again());
        Ok(Self { backend, cipher, erase: self.erase, unerased: Unerased::Nothing })
    }

    /// Sets when deleted contents are overwritten.
    pub const fn set_erase(&mut self, erase: Erase) {
        self.erase = erase;
    }

    /// The database below.
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// Begins a transaction. What it reads and writes is undone if it is dropped.
    ///
    /// # Errors
    /// - [`StoreError::Busy`] if another one does not end in time.
    /// - [`StoreError::WrongKey`] if the store has got another data key since it was opened.
    pub fn begin(&mut self) -> Result<Transaction<'_, B>, StoreError> {
        point("store::begin")?;
        self.backend.begin()?;
        let transaction = Transaction::new(self);
        transaction.store.check_key()?;
        Ok(transaction)
    }

    /// Takes the lock of a group, which others cannot have until it is dropped or the process ends. Nothing is
    /// known of what is stored: [`Store::load`] a group that is there; one that is new is stored as it is.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if it is not to be had within `wait`.
    pub fn lock(&self, group_id: &GroupId, wait: Duration) -> Result<GroupLock, StoreError> {
        let tag = self.cipher.group_tag(group_id);
        let guard = self.backend.lock(&tag, wait)?;
        Ok(GroupLock::new(group_id.clone(), tag, *self.cipher.id(), guard))
    }

    /// All rows of a group, and none if it is not there. From here on, what is made of them is not stale.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the row that is damaged.
    pub fn load(&self, lock: &mut GroupLock) -> Result<Option<Rows>, StoreError> {
        if !self.renew(lock)? {
            return Ok(None);
        }
        let bounds = all_rows(lock.tag());
        self.read_rows(lock.group_id(), lock.tag(), &bounds).map(Some)
    }

    /// Takes the group as it is stored now, without reading its rows, and tells whether there is one. From here on,
    /// what is made of its rows is not stale.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn renew(&self, lock: &mut GroupLock) -> Result<bool, StoreError> {
        lock.check_store(self.cipher.id())?;
        let record = self.group_record(lock)?;
        lock.set_version(record.as_ref().map_or(0, |record| record.version));
        Ok(record.is_some())
    }

    /// A single row of a group.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn row(&self, group_id: &GroupId, key: RowKey) -> Result<Option<SecretBytes>, StoreError> {
        let tag = self.cipher.group_tag(group_id);
        let what = || Record::Row(group_id.clone(), key);
        let value = self.get(&self.cipher.row(&tag, key), what)?;
        let row = value.map(|value| self.cipher.unmask(&tag, self.cipher.masked(&tag, key), value));
        row.map(|row| Ok(row.ok_or_else(|| StoreError::Corrupt(what()))?.1)).transpose()
    }

    /// The rows of a group with keys in a range.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn rows(&self, group_id: &GroupId, keys: RangeInclusive<RowKey>) -> Result<Rows, StoreError> {
        let tag = self.cipher.group_tag(group_id);
        let mut rows = self.read_rows(group_id, &tag, &self.cipher.some_rows(&tag, &keys))?;
        rows.retain(|key, _| keys.contains(key));
        Ok(rows)
    }

    /// The groups that there are.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        let mut groups = Vec::new();
        self.scan(&all(Kind::Group), || Record::Group, &mut |_, value| {
            groups.push(GroupRecord::read(value)?.group_id);
            Ok(())
        })?;
        groups.sort();
        Ok(groups)
    }

    /// Whether there is a group.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn contains(&self, group_id: &GroupId) -> Result<bool, StoreError> {
        let key = tagged(Kind::Group, &self.cipher.group_tag(group_id));
        Ok(self.get(&key, || Record::Group)?.is_some())
    }

    /// For [`Client::is_in_group`](pando_mls::Client::is_in_group): whether there is a group, and the client was not
    /// removed from it. If that cannot be read, there is, so that nothing is joined.
    ///
    /// A group from which the client was removed is still there: [`Store::renew`] its lock before it is stored anew, which
    /// deletes what there was.
    #[must_use]
    pub fn is_in_group(&self, group_id: &GroupId) -> bool {
        match self.stored_group(group_id) {
            Ok(Some(stored)) => stored.active || stored.reinit.is_some(),
            Ok(None) => self.contains(group_id).unwrap_or(true),
            Err(_) => true,
        }
    }

    /// Overwrites deleted contents.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another connection still reads them; [`StoreError::JournalMode`], [`StoreError::Io`].
    pub fn erase(&mut self) -> Result<(), StoreError> {
        point("store::erase")?;
        self.backend.erase()?;
        self.unerased = Unerased::Nothing;
        point("store::erased")
    }

    /// Overwrites what a change of keys has replaced, which has been committed.
    pub(crate) fn erase_old_keys(&mut self) -> Result<(), StoreError> {
        self.unerased = Unerased::Overdue;
        self.erase().map_err(not_erased)
    }

    /// Returns whether deleted contents are to be overwritten after a transaction.
    pub(crate) fn is_erasure_due(&self) -> bool {
        match self.erase {
            Erase::AtOnce => self.unerased > Unerased::Nothing,
            Erase::WhenAsked => self.unerased == Unerased::Overdue,
        }
    }

    /// Returns unused room to the file system, after overwriting it. This takes memory for the whole database, and room
    /// on the disk for twice of it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another connection is in the way, [`StoreError::Io`]. The store stays as it is, or takes more
    /// room until this is called again.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        self.backend.compact()?;
        self.erase()
    }

    /// The entry of a group, which must be the one of this group.
    pub(crate) fn group_record(&self, lock: &GroupLock) -> Result<Option<GroupRecord>, StoreError> {
        let Some(value) = self.get(&tagged(Kind::Group, lock.tag()), || Record::Group)? else {
            return Ok(None);
        };
        let record = GroupRecord::read(value.expose())?;
        if record.group_id == *lock.group_id() {
            Ok(Some(record))
        } else {
            Err(StoreError::Corrupt(Record::Group))
        }
    }

    /// The data key must be the one that was there when the store was opened.
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
            // Under another data key, nothing would be found.
            return self.check_key().map(|()| None);
        };
        self.cipher.open(key, stored.expose(), what).map(Some)
    }

    /// Gives all values under a range of keys.
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
        // Afterwards: under another data key, nothing would have been found, or not been read.
        self.check_key()?;
        scanned
    }

    pub(crate) fn read_rows(
        &self,
        group_id: &GroupId,
        tag: &Tag,
        bounds: &(Vec<u8>, Vec<u8>),
    ) -> Result<Rows, StoreError> {
        point("store::scan")?;
        let mut rows = Rows::new();
        let scanned = self.backend.scan(range(bounds), &mut |key, stored| {
            let row_key = row_key(key)?;
            let what = || Record::Row(group_id.clone(), row_key);
            let row = self.cipher.open(key, stored, what)?;
            let row = self.cipher.unmask(tag, row_key, row);
            let (row_key, row) = row.ok_or_else(|| StoreError::Corrupt(what()))?;
            rows.insert(row_key, row);
            Ok(())
        });
        self.check_key()?;
        scanned.map(|()| rows)
    }
}

/// Wraps the reason why a committed change is not erased.
pub(crate) fn not_erased(source: StoreError) -> StoreError {
    StoreError::NotErased { source: Box::new(source) }
}

/// The key of the record that tells which data key there is.
pub(crate) const fn key_id() -> [u8; 2] {
    [Kind::Header as u8, 1]
}

/// Writes the header of a store with nothing in it.
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
    // Another process may have made it in the meantime.
    if let Some(header) = backend.get(&HEADER)? {
        return Ok(header);
    }
    let everything: (&[u8], &[u8]) = (&HEADER, &[0xff]);
    backend.scan(range(&everything), &mut |_, _| Err(StoreError::Corrupt(Record::Header)))?;
    backend.put(&HEADER, header.expose())?;
    backend.put(&key_id(), cipher.id())?;
    Ok(header.expose().into())
}
