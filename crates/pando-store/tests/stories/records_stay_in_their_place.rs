//! In an encrypted store, a record that was changed, or put in the place of another one, is noticed, and named.

use crate::people::{Device, group_of, sqlite, tea};
use pando_mls::RowKey;
use pando_mls::wire::NodeIndex;
use pando_store::rusqlite::Connection;
use pando_store::{Key, Record, StoreError};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

fn key() -> Key {
    Key::bytes(&[1; 32]).unwrap()
}

fn store() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let mut alice = group_of(vec![sqlite(&path, &key()).unwrap()]).remove(0);
    alice.group = None;
    alice.create(&b"coffee".as_slice().into()).unwrap();
    alice.publish(false).unwrap();
    (folder, path)
}

fn keys(connection: &Connection) -> Vec<Vec<u8>> {
    let mut statement =
        connection.prepare("SELECT key FROM pando_records WHERE key >= x'01' ORDER BY key").unwrap();
    let keys = statement.query_map([], |row| row.get(0)).unwrap();
    keys.map(Result::unwrap).collect()
}

/// Reads everything that there is.
fn read(store: &pando_store::SqliteStore) -> Result<(), StoreError> {
    for group in store.groups()? {
        let mut lock = store.lock(&group, Duration::ZERO)?;
        assert!(store.load(&mut lock)?.is_some());
    }
    store.key_packages()?;
    store.signers()?;
    Ok(())
}

#[test]
fn none_can_be_exchanged_for_another() {
    let (_folder, path) = store();
    let connection = Connection::open(&path).unwrap();
    let keys = keys(&connection);
    assert!(keys.len() > 10);
    let value = |key: &[u8]| -> Vec<u8> {
        connection.query_row("SELECT value FROM pando_records WHERE key = ?1", [key], |row| row.get(0)).unwrap()
    };
    let set = |key: &[u8], value: &[u8]| {
        let sql = "UPDATE pando_records SET value = ?2 WHERE key = ?1";
        assert_eq!(connection.execute(sql, [key, value]).unwrap(), 1);
    };
    let store = sqlite(&path, &key()).unwrap();
    read(&store).unwrap();
    for (at, key) in keys.iter().enumerate() {
        let original = value(key);
        let mut flipped = original.clone();
        flipped[at % original.len()] ^= 1;
        for wrong in [value(&keys[(at + 1) % keys.len()]), flipped, original[1..].to_vec(), Vec::new()] {
            set(key, &wrong);
            let damage = read(&store).unwrap_err();
            let StoreError::Corrupt(record) = damage else { panic!("{damage:?}") };
            match key[0] {
                1 => assert_eq!(record, Record::Group),
                2 => assert!(matches!(record, Record::Row(..)), "{record:?}"),
                3 => assert_eq!(record, Record::KeyPackage),
                _ => assert_eq!(record, Record::Signer),
            }
        }
        set(key, &original);
    }
    read(&store).unwrap();
}

#[test]
fn a_row_that_nobody_writes_is_named() {
    let (_folder, path) = store();
    let connection = Connection::open(&path).unwrap();
    let mut stray = keys(&connection).into_iter().find(|key| key[0] == 2).unwrap();
    stray.splice(17.., [11, 1]).for_each(drop);
    connection.execute("INSERT INTO pando_records VALUES (?1, x'00')", [&stray]).unwrap();
    let damage = read(&sqlite(&path, &key()).unwrap()).unwrap_err();
    assert!(matches!(damage, StoreError::Corrupt(Record::Key(key)) if key == stray));
}

#[test]
fn a_pre_shared_key_that_cannot_be_read_is_told() {
    let (_folder, path) = store();
    let mut alice = Device::new("alice", sqlite(&path, &key()).unwrap(), 1).unwrap();
    let mut transaction = alice.store.begin().unwrap();
    transaction.put_psk(b"psk", &pando_mls::PskValue::from(vec![1; 32])).unwrap();
    transaction.commit().unwrap();
    alice.store.connection().execute("UPDATE pando_records SET value = x'00' WHERE key >= x'04' AND key < x'05'", []).unwrap();
    let psks = alice.store.psks();
    assert_eq!(pando_mls::PskStore::external(&psks, b"psk"), None);
    assert!(matches!(psks.take_error(), Some(StoreError::Corrupt(Record::Psk))));
    assert!(psks.take_error().is_none());
    assert!(alice.store.row(&tea(), RowKey::Node(NodeIndex(0))).unwrap().is_some());
}
