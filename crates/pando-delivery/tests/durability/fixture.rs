//! Requests and checks that the tests share.

use pando_delivery::store::{KeyRange, ScanLimit, SqliteConfig, SqliteStore, Store, StoreError, Transaction};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Returns whether a path is that of a write-ahead log.
pub(crate) fn is_log(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with("-wal"))
}

/// Returns whether a path is that of a database.
pub(crate) fn is_database(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sqlite")
}

pub(crate) fn open(folder: &Path, config: &SqliteConfig) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder, config).unwrap())
}

/// The name of a partition.
pub(crate) fn name(number: u32) -> Vec<u8> {
    format!("g/{number}").into_bytes()
}

/// Appends an entry to the log of a partition in two rows, and returns the number of the entry.
pub(crate) async fn append(store: &impl Store, partition: &[u8], len: usize) -> Result<u32, StoreError> {
    store.write(partition, len, move |transaction| append_to(transaction, len)).await
}

fn append_to(transaction: &mut dyn Transaction, len: usize) -> Result<u32, StoreError> {
    let last = transaction.last(&KeyRange::prefix(*b"a"))?;
    let number = last.map_or(0, |row| number_of(&row.key) + 1);
    transaction.put(&[&b"a"[..], &number.to_be_bytes()].concat(), &vec![0xaa; len])?;
    transaction.put(&[&b"b"[..], &number.to_be_bytes()].concat(), &vec![0xbb; len])?;
    Ok(number)
}

fn number_of(key: &[u8]) -> u32 {
    u32::from_be_bytes(key[1..].try_into().unwrap())
}

/// Checks that the log of a partition has no gaps and no halves of requests, and returns the number
/// of its entries.
pub(crate) async fn entries(store: &impl Store, partition: &[u8]) -> u32 {
    let rows = store.read(partition, |snapshot| {
        let all = |prefix: &[u8]| snapshot.scan(&KeyRange::prefix(prefix), ScanLimit::rows(usize::MAX));
        Ok::<_, StoreError>((all(b"a")?.rows, all(b"b")?.rows))
    });
    let (first, second) = rows.await.unwrap();
    assert_eq!(first.len(), second.len(), "no request is there by half");
    for (number, (first, second)) in (0..).zip(first.iter().zip(&second)) {
        assert_eq!((number_of(&first.key), number_of(&second.key)), (number, number));
        assert_eq!(first.value.len(), second.value.len());
    }
    first.len().try_into().unwrap()
}

/// For each partition, the numbers of the entries that were acknowledged.
pub(crate) type Acknowledged = BTreeMap<Vec<u8>, Vec<u32>>;

/// Checks that all acknowledged entries are in the store.
pub(crate) async fn check(store: &impl Store, acknowledged: &Acknowledged) {
    for (partition, numbers) in acknowledged {
        let entries = entries(store, partition).await;
        assert!(numbers.iter().all(|number| *number < entries), "an acknowledged entry is missing");
    }
}
