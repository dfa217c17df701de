//! A conformance test for implementations of [`Store`]. [`run`] panics if a store violates a
//! requirement.
//!
//! ```
//! use pando_delivery::store::{MemoryStore, conformance};
//! use std::sync::Arc;
//!
//! conformance::run(|| Arc::new(MemoryStore::new()), Arc::clone);
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod concurrency;
mod model;
mod requests;
mod rows;

use crate::store::error::StoreError;
use crate::store::interface::{Snapshot, Store, Transaction};
use crate::store::range::{KeyRange, Row, ScanLimit};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// Tests a store.
///
/// `place` creates an empty location for a store. `open` opens the store at such a location. A
/// store is dropped before it is opened again. The store must be able to process two read requests
/// at the same time.
///
/// # Panics
/// Panics if the store violates a requirement.
pub fn run<P, S: Store>(place: impl Fn() -> P, open: impl Fn(&P) -> S) {
    // Some tests block a thread of the runtime while they wait for another request.
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let new = || {
        let place = place();
        let store = Arc::new(open(&place));
        (place, store)
    };
    rows::run(&runtime, new);
    requests::run(&runtime, new);
    concurrency::run(&runtime, new);
    model::run(&runtime, &place, &open);
}

/// Runs a write request that must succeed.
async fn write<T: Send + 'static>(
    store: &impl Store,
    partition: &[u8],
    work: impl FnOnce(&mut dyn Transaction) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(partition, 0, work).await.unwrap()
}

/// Runs a read request that must succeed.
async fn read<T: Send + 'static>(
    store: &impl Store,
    partition: &[u8],
    work: impl FnOnce(&dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.read(partition, work).await.unwrap()
}

/// Writes one row.
async fn put(store: &impl Store, partition: &[u8], key: &[u8], value: &[u8]) {
    let (key, value) = (key.to_vec(), value.to_vec());
    write(store, partition, move |transaction| transaction.put(&key, &value)).await;
}

/// Returns the value of a key.
async fn get(store: &impl Store, partition: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let key = key.to_vec();
    read(store, partition, move |snapshot| snapshot.get(&key)).await
}

/// Returns all rows of a partition.
async fn all(store: &impl Store, partition: &[u8]) -> Vec<Row> {
    read(store, partition, |snapshot| everything(snapshot)).await
}

fn everything(snapshot: &(impl Snapshot + ?Sized)) -> Result<Vec<Row>, StoreError> {
    Ok(snapshot.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX))?.rows)
}

fn row(key: &[u8], value: &[u8]) -> Row {
    Row { key: key.to_vec(), value: value.to_vec() }
}

/// Runs a test with a new store.
fn test<P, S: Store, F: Future<Output = ()>>(
    runtime: &Runtime,
    new: impl Fn() -> (P, Arc<S>),
    test: impl FnOnce(Arc<S>) -> F,
) {
    let (_place, store) = new();
    runtime.block_on(test(store));
}
