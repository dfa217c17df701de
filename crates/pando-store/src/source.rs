//! The rows of a group, loaded on demand.

use crate::StoreError;
use crate::backend::Backend;
use crate::group::GroupLock;
use crate::instance::InstanceCipher;
use crate::store::Store;
use pando_mls::{GroupId, RowKey, RowSource, SecretBytes, SourceError};
use std::sync::{Arc, Mutex, PoisonError};

/// The rows of one instance of a group. The rows are read through a second connection, so they can
/// be read while the store is being written.
struct Source<B: Backend> {
    store: Mutex<Store<B>>,
    group_id: GroupId,
    instance: InstanceCipher,
}

impl<B: Backend> Store<B> {
    /// Returns a source of a group's rows for [`Group::open`](pando_mls::Group::open), which loads
    /// only the rows that it needs. Returns `None` if the group is not stored.
    ///
    /// Keep the lock for as long as the group is in use. After a change of the data key
    /// ([`Store::rotate`]), the group must be opened again.
    ///
    /// # Errors
    /// Returns [`StoreError::Io`] or [`StoreError::Corrupt`]. [`StoreError::Corrupt`] contains
    /// [`Record::Group`](crate::Record::Group) if a row outside the tree is missing or outdated.
    pub fn source(&self, lock: &GroupLock) -> Result<Option<Arc<dyn RowSource>>, StoreError> {
        let Some(entry) = self.locked_record(lock)?.current else { return Ok(None) };
        let group_id = lock.group_id().clone();
        let instance = InstanceCipher::new(&self.cipher, &group_id, &entry);
        self.check_beside_the_tree(&group_id, &instance)?;
        let store = Mutex::new(self.again()?);
        Ok(Some(Arc::new(Source { store, group_id, instance })))
    }
}

impl<B: Backend> Source<B> {
    fn read<T>(&self, read: impl FnOnce(&Store<B>) -> Result<T, StoreError>) -> Result<T, SourceError> {
        // A read changes nothing, so the store is consistent even after a panic.
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        read(&store).map_err(SourceError::new)
    }
}

impl<B: Backend> RowSource for Source<B> {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.read(|store| store.read_row(&self.group_id, &self.instance, key))
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        let rows = self.read(|store| store.read_rows(&self.group_id, &self.instance, first..=last))?;
        Ok(rows.into_iter().collect())
    }
}
