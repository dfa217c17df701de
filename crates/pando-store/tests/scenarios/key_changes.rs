//! Stores that receive another key, are re-encrypted, or are shredded.

use crate::fixtures::{Device, agree, group_of, passphrase, sqlite, tea};
use pando_store::rusqlite::Connection;
use pando_store::{Argon2Cost, Argon2Limit, Backend, Erase, Key, SqliteStore, Store, StoreError};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

fn keys() -> [Key; 4] {
    let cost = Argon2Cost { passes: 6, ..Argon2Cost::FLOOR };
    let (words, limit) = (b"correct horse".as_slice().into(), Argon2Limit::default());
    [
        Key::bytes(&[1; 32]).unwrap(),
        passphrase("correct horse"),
        Key::bytes(&[2; 32]).unwrap(),
        Key::Passphrase { passphrase: words, cost, limit },
    ]
}

fn values(store: &SqliteStore) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    let mut each = |_: &[u8], value: &[u8]| {
        values.push(value.to_vec());
        Ok(())
    };
    store.backend().scan(&[1][..]..&[0xff][..], &mut each).unwrap();
    values
}

/// Returns a member whose store contains a record of each kind, and another member.
fn two(folder: &Path, key: &Key) -> Vec<Device<pando_store::Sqlite>> {
    let open = |name: &str| sqlite(&folder.join(name), key).unwrap();
    let mut devices = group_of(vec![open("a"), open("b")]);
    devices[0].publish(true).unwrap();
    let mut transaction = devices[0].store.begin().unwrap();
    transaction.put_psk(b"psk", &pando_mls::PskValue::from(vec![1; 32])).unwrap();
    for number in [1, 2] {
        transaction.put_record(b"application", number, b"a record").unwrap();
    }
    transaction.commit().unwrap();
    devices
}

/// Checks that the store still contains all records, and that the group still works.
fn check(folder: &Path, key: &Key, other: &mut Device<pando_store::Sqlite>, seed: u64) {
    let mut alice = Device::new("member 0", sqlite(&folder.join("a"), key).unwrap(), seed).unwrap();
    let message = alice.send(b"hello").unwrap();
    assert_eq!(other.receive(&message).unwrap().unwrap(), b"hello");
    let (commit, _) = alice.commit(|builder| builder).unwrap();
    alice.receive(&commit).unwrap();
    other.receive(&commit).unwrap();
    assert_eq!(alice.group().epoch_authenticator(), other.group().epoch_authenticator());
    assert_eq!(alice.store.key_packages().unwrap().len(), 1);
    assert_eq!(alice.store.psk_ids().unwrap().len(), 1);
    assert_eq!(alice.store.signers().unwrap().len(), 1);
    for number in [1, 2] {
        assert_eq!(alice.store.record(b"application", number).unwrap().unwrap().expose(), b"a record");
    }
}

#[test]
fn another_key_wraps_the_same_data_key() {
    let folder = TempDir::new().unwrap();
    let keys = keys();
    let mut devices = two(folder.path(), &keys[0]);
    let (mut bob, mut alice) = (devices.pop().unwrap(), devices.pop().unwrap());
    for (pair, seed) in keys.windows(2).zip(100..) {
        let before = values(&alice.store);
        let refused = alice.store.rewrap(&pair[1], &pair[1]);
        assert!(matches!(refused, Err(StoreError::WrongKey)));
        alice.store.rewrap(&pair[0], &pair[1]).unwrap();
        assert!(values(&alice.store) == before);
        // A client that has the store open can continue to use it.
        alice.reload().unwrap();
        alice.send(b"").unwrap();
        drop(alice);
        assert!(matches!(sqlite(&folder.path().join("a"), &pair[0]), Err(StoreError::WrongKey)));
        check(folder.path(), &pair[1], &mut bob, seed);
        alice =
            Device::new("member 0", sqlite(&folder.path().join("a"), &pair[1]).unwrap(), 200 + seed).unwrap();
    }
    assert!(matches!(alice.store.rewrap(&keys[3], &Key::None), Err(StoreError::WrongKey)));
    agree(&[alice, bob]);
}

#[test]
fn everything_is_encrypted_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let [first, second, third, _] = keys();
    let mut old = &first;
    let mut devices = two(folder.path(), old);
    let (mut bob, mut alice) = (devices.pop().unwrap(), devices.pop().unwrap());
    for (new, seed) in [&second, &Key::None, &third].into_iter().zip(100..) {
        let other = sqlite(&path, old).unwrap();
        // The keys cannot be rotated while a group is locked.
        assert!(matches!(alice.store.rotate(new), Err(StoreError::Busy)));
        alice.group = None;
        let before = values(&alice.store);
        alice.store.rotate(new).unwrap();
        let after = values(&alice.store);
        assert_eq!(after.len(), before.len());
        assert!(after.iter().all(|value| !before.contains(value)));
        // A client that opened the store before the rotation does not mistake it for an empty
        // store, and writes nothing.
        let mut other = other;
        assert!(matches!(other.contains(&tea()), Err(StoreError::WrongKey)));
        assert!(matches!(other.groups(), Err(StoreError::WrongKey)));
        assert!(matches!(other.begin(), Err(StoreError::WrongKey)));
        let lock = other.lock(&tea(), Duration::ZERO).unwrap();
        assert!(matches!(other.load(&lock), Err(StoreError::WrongKey)));
        alice.reload().unwrap();
        drop(alice);
        assert!(matches!(sqlite(&path, old), Err(StoreError::WrongKey)));
        check(folder.path(), new, &mut bob, seed);
        alice = Device::new("member 0", sqlite(&path, new).unwrap(), 200 + seed).unwrap();
        old = new;
    }
}

/// If another connection reads a store while it is shredded, the erasure is completed when the
/// store is opened again.
#[test]
fn a_store_is_shredded_while_it_is_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let mut devices = two(folder.path(), &Key::None);
    let (_, mut alice) = (devices.pop().unwrap(), devices.pop().unwrap());
    alice.group = None;
    let values = values(&alice.store);
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM pando_records").unwrap();
    let busy = |error: &StoreError| matches!(error, StoreError::NotErased { source } if matches!(**source, StoreError::Busy));
    assert!(busy(&alice.store.shred().unwrap_err()));
    // The store is shredded, but its contents are not erased while another connection reads them.
    assert!(busy(&sqlite(&path, &Key::None).unwrap_err()));
    reader.execute_batch("COMMIT").unwrap();
    assert!(matches!(sqlite(&path, &Key::None), Err(StoreError::Shredded)));
    for file in [path.clone(), folder.path().join("a-wal")] {
        let bytes = fs::read(&file).unwrap_or_default();
        for value in values.iter().filter(|value| value.len() > 16) {
            assert!(!bytes.windows(value.len()).any(|window| window == value), "{}", file.display());
        }
    }
}

#[test]
fn a_shredded_store_is_gone() {
    for key in [Key::None, Key::bytes(&[1; 32]).unwrap()] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        let mut devices = two(folder.path(), &key);
        let (_, mut alice) = (devices.pop().unwrap(), devices.pop().unwrap());
        alice.group = None;
        let values = values(&alice.store);
        let mut other: Store<_> = sqlite(&path, &key).unwrap();
        alice.store.shred().unwrap();
        assert!(matches!(other.begin(), Err(StoreError::WrongKey)));
        drop(other);
        assert!(matches!(sqlite(&path, &key), Err(StoreError::Shredded)));
        assert!(matches!(sqlite(&path, &Key::bytes(&[9; 32]).unwrap()), Err(StoreError::Shredded)));
        let bytes = fs::read(&path).unwrap();
        for value in values.iter().filter(|value| value.len() > 16) {
            assert!(!bytes.windows(value.len()).any(|window| window == value));
        }
    }
}

/// Returns the contents of the database and its log.
fn files(folder: &Path) -> Vec<u8> {
    let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    [read("a"), read("a-wal")].concat()
}

fn has(bytes: &[u8], value: &[u8]) -> bool {
    bytes.windows(value.len()).any(|window| window == value)
}

fn header(store: &SqliteStore) -> Vec<u8> {
    store.backend().get(&[0]).unwrap().unwrap().expose().to_vec()
}

type Change = fn(&mut SqliteStore, &Key, &Key) -> Result<(), StoreError>;

const CHANGES: [Change; 2] = [|store, old, new| store.rewrap(old, new), |store, _, new| store.rotate(new)];

/// Returns the contents that a key change has replaced: the header, and also all values if they
/// were re-encrypted.
fn replaced(store: &SqliteStore, before: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let after: Vec<_> = values(store).into_iter().chain([header(store)]).collect();
    before.iter().filter(|value| value.len() >= 24 && !after.contains(value)).cloned().collect()
}

#[test]
fn a_change_of_keys_erases_in_every_mode() {
    for (change, erase) in
        CHANGES.into_iter().flat_map(|change| [(change, Erase::AtOnce), (change, Erase::WhenAsked)])
    {
        let folder = TempDir::new().unwrap();
        let [old, _, new, _] = keys();
        let mut alice = two(folder.path(), &old).remove(0);
        alice.group = None;
        alice.store.set_erase(erase);
        let before: Vec<_> = values(&alice.store).into_iter().chain([header(&alice.store)]).collect();
        change(&mut alice.store, &old, &new).unwrap();
        let (gone, files) = (replaced(&alice.store, &before), files(folder.path()));
        assert!(!gone.is_empty());
        assert!(has(&files, &header(&alice.store)));
        assert!(!gone.iter().any(|value| has(&files, value)), "{erase:?}");
    }
}

#[test]
fn a_change_of_keys_that_is_not_erased_is_reported() {
    for change in CHANGES {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        let [old, _, new, _] = keys();
        let mut alice = two(folder.path(), &old).remove(0);
        alice.group = None;
        alice.store.set_erase(Erase::WhenAsked);
        let before: Vec<_> = values(&alice.store).into_iter().chain([header(&alice.store)]).collect();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM pando_records").unwrap();
        let changed = change(&mut alice.store, &old, &new);
        assert!(matches!(changed, Err(StoreError::NotErased { .. })), "{changed:?}");
        // The change took effect. The store stays usable, and opens with the new key while another
        // connection reads the old state.
        let gone = replaced(&alice.store, &before);
        assert!(!gone.is_empty() && has(&files(folder.path()), &gone[0]));
        alice.publish(false).unwrap();
        assert!(matches!(sqlite(&path, &old), Err(StoreError::WrongKey)));
        let mut other = sqlite(&path, &new).unwrap();
        assert!(matches!(other.erase(), Err(StoreError::Busy)));
        reader.execute_batch("COMMIT").unwrap();
        // The next transaction erases the old contents, regardless of the mode.
        alice.publish(false).unwrap();
        let files = files(folder.path());
        assert!(!gone.iter().any(|value| has(&files, value)));
    }
}

/// If the process ends between a key change and the erasure, opening the store erases the old
/// contents.
#[test]
fn a_store_that_is_opened_erases_what_a_crash_has_left() {
    for change in CHANGES {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        let [old, _, new, _] = keys();
        let mut alice = two(folder.path(), &old).remove(0);
        alice.group = None;
        let before: Vec<_> = values(&alice.store).into_iter().chain([header(&alice.store)]).collect();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM pando_records").unwrap();
        change(&mut alice.store, &old, &new).unwrap_err();
        let gone = replaced(&alice.store, &before);
        std::mem::forget(alice.store);
        drop(reader);
        assert!(gone.iter().any(|value| has(&files(folder.path()), value)));
        let store = sqlite(&path, &new).unwrap();
        let files = files(folder.path());
        assert!(!gone.iter().any(|value| has(&files, value)));
        assert!(store.contains(&tea()).unwrap());
    }
}
