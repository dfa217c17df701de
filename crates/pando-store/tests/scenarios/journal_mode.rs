//! The database of a store must be in WAL mode, and erasing fails if it is not. In other modes,
//! deleted secrets remain in the blocks of journals that SQLite has removed.

use crate::fixtures::{Device, group_of, sqlite, tea};
use pando_store::rusqlite::Connection;
use pando_store::{Backend, Key, Misuse, Sqlite, StoreError};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn key() -> Key {
    Key::bytes(&[1; 32]).unwrap()
}

/// Returns a client with a store, and a copy of the store that SQLite has made outside of WAL mode.
fn copied(folder: &Path) -> (Device<Sqlite>, PathBuf) {
    let alice = group_of(vec![sqlite(&folder.join("a"), &key()).unwrap()]).remove(0);
    let copy = folder.join("copy");
    let sql = "VACUUM INTO ?1";
    alice.store.connection().execute(sql, [copy.to_str().unwrap()]).unwrap();
    assert_eq!(mode(&Connection::open(&copy).unwrap()), "delete");
    (alice, copy)
}

fn mode(connection: &Connection) -> String {
    connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_restored_store_is_brought_into_it() {
    let folder = TempDir::new().unwrap();
    let (_alice, copy) = copied(folder.path());
    let store = sqlite(&copy, &key()).unwrap();
    assert_eq!(mode(store.connection()), "wal");
    let mut alice = Device::new("alice", store, 5).unwrap();
    alice.send(b"hello").unwrap();
    alice.store.erase().unwrap();
    drop(alice);
    assert_eq!(mode(&Connection::open(&copy).unwrap()), "wal");
}

#[test]
fn nothing_is_written_before_the_key_is_known() {
    let folder = TempDir::new().unwrap();
    let (_alice, copy) = copied(folder.path());
    let before = fs::read(&copy).unwrap();
    let wrong = Key::bytes(&[2; 32]).unwrap();
    assert!(matches!(sqlite(&copy, &wrong), Err(StoreError::WrongKey)));
    assert!(matches!(sqlite(&copy, &Key::None), Err(StoreError::WrongKey)));
    assert!(fs::read(&copy).unwrap() == before);
    // A database that contains no store is not changed either.
    let other = folder.path().join("other");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE own (value)").unwrap();
    let before = fs::read(&other).unwrap();
    let mut database = Sqlite::open_existing(&other).unwrap();
    assert!(!database.has_store());
    Backend::erase(&mut database).unwrap();
    drop(database);
    assert!(fs::read(&other).unwrap() == before);
}

/// If another connection reads the database in its old mode, the mode cannot be changed, and
/// opening the store fails.
#[test]
fn a_store_that_cannot_be_brought_into_it_is_not_opened() {
    let folder = TempDir::new().unwrap();
    let (_alice, copy) = copied(folder.path());
    let reader = Connection::open(&copy).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM pando_records").unwrap();
    let refused = sqlite(&copy, &key());
    assert!(matches!(refused, Err(StoreError::Busy | StoreError::JournalMode(_))), "{refused:?}");
    drop(reader);
    assert_eq!(sqlite(&copy, &key()).unwrap().groups().unwrap(), [tea()]);
}

#[test]
fn erasing_reports_another_mode() {
    let folder = TempDir::new().unwrap();
    let mut store = sqlite(&folder.path().join("a"), &key()).unwrap();
    store.erase().unwrap();
    store.connection().execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    let refused = store.erase();
    assert!(matches!(refused, Err(StoreError::JournalMode(_))), "{refused:?}");
    let refused = store.rewrap(&key(), &Key::bytes(&[2; 32]).unwrap());
    assert!(matches!(refused, Err(StoreError::NotErased { .. })), "{refused:?}");
}

/// With `auto_vacuum`, SQLite moves pages and shortens the database without overwriting the pages.
#[test]
fn a_database_that_hands_pages_back_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let sql = "PRAGMA auto_vacuum = FULL; CREATE TABLE own (value)";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let refused = sqlite(&path, &Key::None);
    assert!(matches!(refused, Err(StoreError::Misuse(Misuse::AutoVacuum))), "{refused:?}");
}

#[test]
fn the_schema_is_not_trusted() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder.path().join("a"), &Key::None).unwrap();
    let connection = store.connection();
    let trusted: bool = connection.query_row("PRAGMA trusted_schema", [], |row| row.get(0)).unwrap();
    assert!(!trusted);
    let sql = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = '' WHERE name = 'pando_records'";
    connection.execute_batch(sql).unwrap_err();
    assert!(!mode(connection).is_empty());
}

/// A client that was killed while it overwrote the log has left zeros, followed by old contents.
/// The next erasure overwrites these contents.
#[test]
fn what_another_client_has_left_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let (path, log) = (folder.path().join("b"), folder.path().join("b-wal"));
    let mut database = Sqlite::open(&path).unwrap();
    let put = |database: &mut Sqlite, len: usize| {
        database.begin().unwrap();
        database.put(&[1], &vec![1; len]).unwrap();
        database.commit().unwrap();
    };
    // The frames of this long transaction are overwritten after the next transaction.
    put(&mut database, 40_000);
    database.erase().unwrap();
    put(&mut database, 1);
    database.erase().unwrap();
    let len = fs::metadata(&log).unwrap().len();
    let mut file = fs::File::options().write(true).open(&log).unwrap();
    file.seek(SeekFrom::Start(len - 200)).unwrap();
    file.write_all(&[7; 100]).unwrap();
    database.erase().unwrap();
    assert!(!fs::read(&log).unwrap().windows(100).any(|window| window == [7; 100]));
}
