//! In an encrypted store, a record that was changed, or moved to the key of another record, is
//! detected, and the error names the record.

use crate::fixtures::{Device, group_of, sqlite, tea};
use pando_mls::wire::NodeIndex;
use pando_mls::{RowKey, TreeKey};
use pando_store::{Backend, Key, Record, Sqlite, StoreError};
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

fn keys(database: &Sqlite) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut each = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        Ok(())
    };
    database.scan(&[1][..]..&[0xff][..], &mut each).unwrap();
    keys
}

fn set(database: &mut Sqlite, key: &[u8], value: &[u8]) {
    database.begin().unwrap();
    database.put(key, value).unwrap();
    database.commit().unwrap();
}

/// Reads all records.
fn read(store: &pando_store::SqliteStore) -> Result<(), StoreError> {
    for group in store.groups()? {
        let lock = store.lock(&group, Duration::ZERO)?;
        assert!(store.load(&lock)?.is_some());
    }
    store.key_packages()?;
    store.signers()?;
    Ok(())
}

#[test]
fn none_can_be_exchanged_for_another() {
    let (_folder, path) = store();
    let mut database = Sqlite::open_existing(&path).unwrap();
    let keys = keys(&database);
    assert!(keys.len() > 10);
    let value = |database: &Sqlite, key: &[u8]| database.get(key).unwrap().unwrap().expose().to_vec();
    let store = sqlite(&path, &key()).unwrap();
    read(&store).unwrap();
    for (at, key) in keys.iter().enumerate() {
        let original = value(&database, key);
        let mut flipped = original.clone();
        flipped[at % original.len()] ^= 1;
        for wrong in
            [value(&database, &keys[(at + 1) % keys.len()]), flipped, original[1..].to_vec(), Vec::new()]
        {
            set(&mut database, key, &wrong);
            let damage = read(&store).unwrap_err();
            let StoreError::Corrupt(record) = damage else { panic!("{damage:?}") };
            match key[0] {
                1 => assert_eq!(record, Record::Group),
                2 => assert!(matches!(record, Record::Row(..)), "{record:?}"),
                3 => assert_eq!(record, Record::KeyPackage),
                _ => assert_eq!(record, Record::Signer),
            }
        }
        set(&mut database, key, &original);
    }
    read(&store).unwrap();
}

#[test]
fn a_row_that_nobody_writes_is_named() {
    let (_folder, path) = store();
    let mut database = Sqlite::open_existing(&path).unwrap();
    let mut stray = keys(&database).into_iter().find(|key| key[0] == 2).unwrap();
    stray.splice(17.., [11, 1]).for_each(drop);
    set(&mut database, &stray, &[0]);
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
    let mut database = Sqlite::open_existing(&path).unwrap();
    let psk = keys(&database).into_iter().find(|key| key[0] == 4).unwrap();
    set(&mut database, &psk, &[0]);
    let psks = &alice.store;
    let error = pando_mls::PskStore::external(psks, b"psk").unwrap_err();
    let error = error.get_ref().downcast_ref::<StoreError>();
    assert!(matches!(error, Some(StoreError::Corrupt(Record::Psk))), "{error:?}");
    assert!(alice.store.row(&tea(), RowKey::Tree(TreeKey::Node(NodeIndex(0)))).unwrap().is_some());
}
