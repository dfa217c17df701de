//! Large values are outside of the table that is searched by keys, and go with their rows.

use crate::{get, open, put};
use pando_delivery::store::{KeyRange, ScanLimit, SqliteConfig, SqliteStore, Store, StoreError};
use std::path::Path;
use tempfile::TempDir;

const P: &[u8] = b"g/tea";

const LARGE: usize = 1 << 20;

/// Returns the length of the longest value in the table of rows, and the number of large values.
fn lengths(folder: &Path) -> (i64, i64) {
    let connection = rusqlite::Connection::open(folder.join("shard-000.sqlite")).unwrap();
    let sql = "SELECT coalesce(max(length(value)), 0), (SELECT count(*) FROM large_values) FROM entries";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[tokio::test]
async fn no_search_compares_a_large_value() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &SqliteConfig::default());
    for (key, len) in (0..8_u8).zip([0, 1, 4_095, 4_096, 4_097, 5_000, LARGE, 3 * LARGE]) {
        put(&store, P, &[key], &vec![key; len]).await.unwrap();
        assert_eq!(get(&store, P, &[key]).await, Some(vec![key; len]));
    }
    assert_eq!(lengths(folder.path()), (4_096, 4));
    let page = store.read(P, |rows| {
        assert_eq!(rows.last(&KeyRange::all())?.unwrap().value, vec![7; 3 * LARGE]);
        rows.scan(&KeyRange::all(), ScanLimit { rows: 100, bytes: LARGE + 100_000 })
    });
    let page: Result<_, StoreError> = page.await;
    let page = page.unwrap();
    let lengths: Vec<_> = page.rows.iter().map(|row| row.value.len()).collect();
    assert_eq!(lengths, [0, 1, 4_095, 4_096, 4_097, 5_000, LARGE]);
    assert!(page.has_more);
}

#[tokio::test]
async fn a_large_value_goes_with_its_row() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &SqliteConfig::default());
    for (key, len) in [(0, LARGE), (1, LARGE), (2, 5_000), (3, 5_000)] {
        put(&store, P, &[key], &vec![1; len]).await.unwrap();
    }
    assert_eq!(lengths(folder.path()), (0, 4));
    // A large value replaces a large one, a small one a large one, and a large one a small one.
    put(&store, P, &[0], &[2; LARGE]).await.unwrap();
    assert_eq!(get(&store, P, &[0]).await, Some(vec![2; LARGE]));
    put(&store, P, &[1], b"small").await.unwrap();
    assert_eq!(get(&store, P, &[1]).await, Some(b"small".to_vec()));
    assert_eq!(lengths(folder.path()), (5, 3));
    put(&store, P, &[1], &[3; LARGE]).await.unwrap();
    assert_eq!(get(&store, P, &[1]).await, Some(vec![3; LARGE]));
    assert_eq!(lengths(folder.path()), (0, 4));
    // A request that fails leaves nothing behind.
    let failed = store.write(P, LARGE, |rows| {
        rows.put(&[0], &[4; LARGE])?;
        rows.delete(&[1])?;
        Err::<(), _>(StoreError::Overloaded)
    });
    failed.await.unwrap_err();
    assert_eq!(lengths(folder.path()), (0, 4));
    assert_eq!(get(&store, P, &[0]).await, Some(vec![2; LARGE]));
    let deleted = store.write(P, 0, |rows| {
        rows.delete(&[0])?;
        rows.delete_range(&KeyRange::starting_at([1]), 2)
    });
    let has_more: Result<bool, StoreError> = deleted.await;
    assert!(has_more.unwrap());
    assert_eq!(lengths(folder.path()), (0, 1));
    assert_eq!(get(&store, P, &[3]).await, Some(vec![1; 5_000]));
}

#[tokio::test]
async fn a_backup_has_large_values() {
    let (folder, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path(), &SqliteConfig::default());
    put(&store, P, b"large", &[1; LARGE]).await.unwrap();
    put(&store, P, b"small", &[2; 10]).await.unwrap();
    store.backup(copy.path()).unwrap();
    SqliteStore::set_incarnation(copy.path(), 2).unwrap();
    let store = open(copy.path(), &SqliteConfig::default());
    assert_eq!(get(&store, P, b"large").await, Some(vec![1; LARGE]));
    assert_eq!(get(&store, P, b"small").await, Some(vec![2; 10]));
    assert_eq!(lengths(copy.path()), (10, 1));
}
