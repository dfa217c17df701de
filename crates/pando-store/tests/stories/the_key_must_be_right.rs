//! A store is opened by its key, and nothing is touched for any other; what a later version has written is left
//! alone.

use crate::people::{group_of, sqlite, tea};
use pando_mls::SecretBytes;
use pando_store::{Argon2Cost, Backend, IoKind, Key, Record, Sqlite, StoreError};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CHEAP: Argon2Cost = Argon2Cost { memory: 64, passes: 1, lanes: 1 };

fn passphrase(words: &str) -> Key {
    Key::Passphrase { passphrase: SecretBytes::from(words.as_bytes()), cost: CHEAP }
}

/// The bytes of all files in a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        // The index of the log is made whenever somebody reads.
        .filter(|(name, bytes)| !(name.ends_with("-shm") || name.ends_with("-wal") && bytes.is_empty()))
        .collect();
    files.sort();
    files
}

#[test]
fn another_key_opens_nothing_and_touches_nothing() {
    let keys = || {
        [
            Key::None,
            Key::bytes(&[1; 32]).unwrap(),
            Key::bytes(&[2; 32]).unwrap(),
            passphrase("a"),
            passphrase("b"),
        ]
    };
    for (at, key) in keys().iter().enumerate() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store");
        drop(group_of(vec![sqlite(&path, key).unwrap()]));
        let before = files(folder.path());
        for (other, wrong) in keys().iter().enumerate().filter(|(other, _)| *other != at) {
            let refused = sqlite(&path, wrong);
            assert!(matches!(refused, Err(StoreError::WrongKey)), "{at} {other}: {refused:?}");
            assert!(files(folder.path()) == before);
        }
        let store = sqlite(&path, key).unwrap();
        assert_eq!(store.groups().unwrap(), [tea()]);
    }
    assert!(Key::bytes(&[1; 31]).is_err());
}

#[test]
fn an_encrypted_store_shows_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let mut device = group_of(vec![sqlite(&path, &Key::bytes(&[1; 32]).unwrap()).unwrap()]).remove(0);
    let secrets: Vec<_> = device.stored().into_values().filter(|row| row.expose().len() > 16).collect();
    assert!(secrets.len() > 3);
    drop(device);
    for (name, bytes) in files(folder.path()) {
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!secrets.iter().any(|secret| has(secret.expose())), "{name}");
        assert!(!has(b"member 0"), "{name}");
    }
}

fn set_header(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut database = Sqlite::open_existing(path).unwrap();
    let mut header = database.get(&[0]).unwrap().unwrap().expose().to_vec();
    change(&mut header);
    database.begin().unwrap();
    database.put(&[0], &header).unwrap();
    database.commit().unwrap();
}

#[test]
fn a_later_format_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(group_of(vec![sqlite(&path, &Key::None).unwrap()]));
    set_header(&path, |header| header.splice(..2, [1, 2]).for_each(drop));
    let before = files(folder.path());
    let refused = sqlite(&path, &Key::None);
    assert!(matches!(refused, Err(StoreError::Newer { found: 0x102, known: pando_store::FORMAT })));
    assert!(files(folder.path()) == before);
}

#[test]
fn a_damaged_header_is_named() {
    for key in [Key::None, passphrase("a")] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store");
        drop(group_of(vec![sqlite(&path, &key).unwrap()]));
        let corrupt = |path: &Path| {
            let refused = sqlite(path, &key);
            assert!(matches!(refused, Err(StoreError::Corrupt(Record::Header))), "{refused:?}");
        };
        set_header(&path, |header| header.truncate(header.len() - 1));
        corrupt(&path);
        set_header(&path, Vec::clear);
        corrupt(&path);
        // Without its header, it is not taken for a new one.
        let mut database = Sqlite::open_existing(&path).unwrap();
        database.begin().unwrap();
        database.delete(&[0][..]..&[0, 0][..]).unwrap();
        database.commit().unwrap();
        drop(database);
        corrupt(&path);
    }
}

#[test]
fn a_price_that_nobody_would_pay_is_damage() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(sqlite(&path, &passphrase("a")).unwrap());
    // The memory that Argon2 is to use stands behind the format, the kind and the salt.
    set_header(&path, |header| header[20..24].fill(0xff));
    assert!(matches!(sqlite(&path, &passphrase("a")), Err(StoreError::Corrupt(Record::Header))));
    let cost = Argon2Cost { memory: u32::MAX, ..CHEAP };
    let dear = Key::Passphrase { passphrase: SecretBytes::from(b"a".as_slice()), cost };
    assert!(matches!(sqlite(&folder.path().join("new"), &dear), Err(StoreError::Misuse(_))));
}

#[test]
fn what_cannot_be_written_is_not_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    drop(sqlite(&path, &Key::None).unwrap());
    let mut permissions = path.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let opened = sqlite(&path, &Key::None);
    assert!(matches!(opened, Err(StoreError::Io { kind: IoKind::Open, .. })), "{opened:?}");
}

#[test]
fn what_is_no_database_is_no_store() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    fs::write(&path, [7; 4_096]).unwrap();
    assert!(matches!(sqlite(&path, &Key::None), Err(StoreError::Corrupt(Record::Database))));
    assert_eq!(fs::read(&path).unwrap(), [7; 4_096]);
    let nowhere = folder.path().join("no").join("folder");
    assert!(matches!(sqlite(&nowhere, &Key::None), Err(StoreError::Io { .. })));
}
