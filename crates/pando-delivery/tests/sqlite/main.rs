//! Tests of the store in SQLite, apart from conformance and durability.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod backups;
mod large_values;
mod log_length;
mod opening;
mod overload;

use pando_delivery::store::{SqliteConfig, SqliteStore, Store, StoreError};
use std::path::Path;
use std::sync::Arc;

fn open(folder: &Path, config: &SqliteConfig) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder, config).unwrap())
}

/// Writes one row.
async fn put(store: &impl Store, partition: &[u8], key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let (key, value) = (key.to_vec(), value.to_vec());
    store.write(partition, value.len(), move |transaction| transaction.put(&key, &value)).await
}

/// Returns the value of a key.
async fn get(store: &impl Store, partition: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let key = key.to_vec();
    store.read(partition, move |snapshot| snapshot.get(&key)).await.unwrap()
}
