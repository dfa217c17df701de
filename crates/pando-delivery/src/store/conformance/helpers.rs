//! Short requests that the tests of a store are written with.

use crate::store::error::StoreError;
use crate::store::interface::{Snapshot, Store, Transaction};
use crate::store::range::{KeyRange, Row, ScanLimit};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Runs a write request that must succeed.
pub(super) async fn write<T: Send + 'static>(
    store: &impl Store,
    partition: &[u8],
    work: impl FnOnce(&mut dyn Transaction) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(partition, 0, work).await.unwrap()
}

/// Runs a read request that must succeed.
pub(super) async fn read<T: Send + 'static>(
    store: &impl Store,
    partition: &[u8],
    work: impl FnOnce(&dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.read(partition, work).await.unwrap()
}

/// Writes one row.
pub(super) async fn put(store: &impl Store, partition: &[u8], key: &[u8], value: &[u8]) {
    let (key, value) = (key.to_vec(), value.to_vec());
    write(store, partition, move |transaction| transaction.put(&key, &value)).await;
}

/// Returns the value of a key.
pub(super) async fn get(store: &impl Store, partition: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let key = key.to_vec();
    read(store, partition, move |snapshot| snapshot.get(&key)).await
}

/// Returns all rows of a partition.
pub(super) async fn all(store: &impl Store, partition: &[u8]) -> Vec<Row> {
    read(store, partition, |snapshot| everything(snapshot)).await
}

/// Returns all rows of a snapshot.
pub(super) fn everything(snapshot: &(impl Snapshot + ?Sized)) -> Result<Vec<Row>, StoreError> {
    Ok(snapshot.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX))?.rows)
}

/// Returns a row.
pub(super) fn row(key: &[u8], value: &[u8]) -> Row {
    Row { key: key.to_vec(), value: value.to_vec() }
}

/// Runs a test with a new store.
pub(super) fn test<P, S: Store, F: Future<Output = ()>>(
    runtime: &Runtime,
    new: impl Fn() -> (P, Arc<S>),
    test: impl FnOnce(Arc<S>) -> F,
) {
    let (_place, store) = new();
    runtime.block_on(test(store));
}
