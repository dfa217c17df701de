//! If a row of a group is deleted, replaced by an older row or exchanged for a row of another
//! group, loading the group detects this. In an opened group, a row of the tree is checked when it
//! is read.

use crate::fixtures::{Device, group_of, tea};
use crate::{InMemory, Place};
use pando_mls::{Context, Group, RowKey, TreeKey};
use pando_store::{Backend, Key, Memory};
use std::collections::BTreeMap;

/// Length of the part of a record's key that precedes the RowKey.
const BEFORE: usize = 17;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Returns all records of groups, which are entries and rows.
fn records(database: &Memory) -> Records {
    let mut records = Records::new();
    let mut each = |key: &[u8], value: &[u8]| {
        records.insert(key.to_vec(), value.to_vec());
        Ok(())
    };
    database.scan(&[1][..]..&[3][..], &mut each).unwrap();
    records
}

fn set(database: &mut Memory, key: &[u8], value: Option<&[u8]>) {
    database.begin().unwrap();
    match value {
        Some(value) => database.put(key, value).unwrap(),
        None => database.delete(key..&[key, &[0]].concat()).unwrap(),
    }
    database.commit().unwrap();
}

/// Returns whether the whole group is refused when it is loaded.
fn is_refused_when_loaded(alice: &Device<Memory>) -> bool {
    let lock = alice.store.lock(&tea(), std::time::Duration::ZERO).unwrap();
    let Ok(rows) = alice.store.load(&lock) else { return true };
    let Some(rows) = rows else { return true };
    let psks = &alice.store;
    Group::load(&rows, &alice.client(psks)).is_err()
}

/// Returns whether the group is refused when it is opened, or when all nodes of its tree are read.
fn is_refused_when_opened(alice: &Device<Memory>) -> bool {
    let lock = alice.store.lock(&tea(), std::time::Duration::ZERO).unwrap();
    let Ok(source) = alice.store.source(&lock) else { return true };
    let Some(source) = source else { return true };
    let psks = &alice.store;
    let cx: Context<'_> = alice.client(psks);
    let Ok(group) = Group::open(source, &cx) else { return true };
    group.public().tree().export().is_err()
}

#[test]
fn each_row_is_bound_to_its_time() {
    let place = InMemory(Default::default(), Key::bytes(&[7; 32]).unwrap());
    let mut devices = group_of(vec![place.open("a"), place.open("b"), place.open("c")]);
    let mut other = Device::new("other", place.open("other"), 9).unwrap();
    std::mem::swap(&mut other.store, &mut devices[0].store);
    other.create(&b"coffee".as_slice().into()).unwrap();
    other.group = None;
    std::mem::swap(&mut other.store, &mut devices[0].store);
    let mut database = devices[0].store.backend().again().unwrap();

    // Every row of these earlier states is put into the last state.
    let mut times = vec![records(&database)];
    for by in [1, 0, 2] {
        let message = devices[by].send(b"hello").unwrap();
        let (commit, _) = devices[by].commit(|builder| builder).unwrap();
        for (at, device) in devices.iter_mut().enumerate() {
            if at != by {
                device.receive(&message).unwrap();
            }
            device.receive(&commit).unwrap();
        }
        times.push(records(&database));
    }
    let alice = &mut devices[0];
    alice.group = None;
    let now = records(&database);
    assert!(!is_refused_when_loaded(alice) && !is_refused_when_opened(alice));
    let tag = largest(&now);
    let (mut deleted, mut older, mut exchanged) = (0, 0, 0);
    for (key, value) in &now {
        let row = key.get(BEFORE..).and_then(RowKey::from_bytes);
        let is_index = matches!(row, Some(RowKey::Tree(TreeKey::Key(..))));
        let mut check = |wrong: Option<&[u8]>, what: &str| {
            set(&mut database, key, wrong);
            assert!(is_refused_when_loaded(alice), "{row:?} {what}");
            // A hidden index entry is detected only when all rows are read.
            assert!(is_index || is_refused_when_opened(alice), "{row:?} {what}, opened");
            set(&mut database, key, Some(value));
        };
        // If its entry is missing, a group does not exist.
        if key.starts_with(&[1]) || key[1..BEFORE] != tag {
            continue;
        }
        check(None, "is deleted");
        deleted += 1;
        for then in times.iter().filter_map(|then| then.get(key)).filter(|then| *then != value) {
            check(Some(then), "is older");
            older += 1;
        }
        let same = now.iter().find(|(other, _)| *other != key && other.get(BEFORE..) == key.get(BEFORE..));
        if let Some((_, others)) = same {
            check(Some(others), "is of another group");
            exchanged += 1;
        }
    }
    assert!(deleted > 20 && older > 10 && exchanged > 3, "{deleted} {older} {exchanged}");
    assert!(!is_refused_when_loaded(alice) && !is_refused_when_opened(alice));
}

/// Returns the tag of the group with the most rows.
fn largest(records: &Records) -> Vec<u8> {
    let mut counts = BTreeMap::<_, usize>::new();
    for key in records.keys().filter(|key| key.starts_with(&[2])) {
        *counts.entry(key[1..BEFORE].to_vec()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).unwrap().0
}
