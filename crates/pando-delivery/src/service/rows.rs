//! The stored rows of a public group, as the library reads them.

use crate::group::{partition, public_rows};
use crate::store::Store;
use pando_mls::{GroupId, RowKey, RowSource, SecretBytes, SourceError};
use std::sync::Arc;
use tokio::runtime::Handle;

/// The rows of a public group in the store. The functions wait for the store, so they are called
/// only on threads that may block.
pub(super) struct StoredRows<S> {
    store: Arc<S>,
    partition: Vec<u8>,
    runtime: Handle,
}

impl<S: Store> StoredRows<S> {
    /// Returns the rows of a group.
    pub(super) fn new(store: Arc<S>, group_id: &GroupId, runtime: Handle) -> Self {
        Self { store, partition: partition(group_id), runtime }
    }
}

impl<S: Store> RowSource for StoredRows<S> {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        let read = self.store.read(&self.partition, move |rows| public_rows::row(rows, key));
        self.runtime.block_on(read).map_err(SourceError::new)
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        let read = self.store.read(&self.partition, move |rows| public_rows::range(rows, first, last));
        self.runtime.block_on(read).map_err(SourceError::new)
    }
}
