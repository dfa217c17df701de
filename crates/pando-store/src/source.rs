//! The rows of a group, read when they are needed.

use crate::StoreError;
use crate::backend::Backend;
use crate::group::GroupLock;
use crate::store::Store;
use pando_mls::{GroupId, RowKey, RowSource, SecretBytes, SourceError};
use std::sync::{Arc, Mutex, PoisonError};

/// The rows of one group, in the database opened once more: it is read while the store is written.
struct Source<B: Backend> {
    store: Mutex<Store<B>>,
    group_id: GroupId,
}

impl<B: Backend> Store<B> {
    /// The rows of a group for [`Group::open`](pando_mls::Group::open), which reads no more of them than it needs; `None` if the
    /// group is not there. As after [`Store::load`], what is made of them is not stale.
    ///
    /// Keep the lock for as long as the group. When the data key is changed ([`Store::rotate`]), the group has to be opened
    /// anew.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn source(&self, lock: &mut GroupLock) -> Result<Option<Arc<dyn RowSource>>, StoreError> {
        if !self.renew(lock)? {
            return Ok(None);
        }
        let store = Mutex::new(self.again()?);
        Ok(Some(Arc::new(Source { store, group_id: lock.group_id().clone() })))
    }
}

impl<B: Backend> Source<B> {
    fn read<T>(&self, read: impl FnOnce(&Store<B>) -> Result<T, StoreError>) -> Result<T, SourceError> {
        // Reading leaves nothing half done.
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        read(&store).map_err(SourceError::new)
    }
}

impl<B: Backend> RowSource for Source<B> {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.read(|store| store.row(&self.group_id, key))
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        self.read(|store| Ok(store.rows(&self.group_id, first..=last)?.into_iter().collect()))
    }
}
