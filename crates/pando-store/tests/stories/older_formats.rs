//! A store of the first format, in which groups had no versions, is brought to this one when it is opened: all at
//! once, or not at all.

use crate::people::{Device, agree, group_of, sqlite};
use pando_mls::{Decode, Encode, GroupId};
use pando_store::{Backend, FORMAT, Key, Record, Sqlite, StoreError};
use std::path::Path;
use tempfile::TempDir;

/// Puts a store without encryption back to what it was in the first format: the entry of a group, whose key begins
/// with 1, was its identifier alone.
fn write_first_format(path: &Path, entry: impl Fn(&GroupId) -> Vec<u8>) {
    let mut database = Sqlite::open_existing(path).unwrap();
    let mut header = database.get(&[0]).unwrap().unwrap().expose().to_vec();
    assert_eq!(header[..2], [0, 2]);
    header[1] = 1;
    let mut entries = Vec::new();
    let mut each = |key: &[u8], value: &[u8]| {
        let (version, id) = value.split_first_chunk::<8>().unwrap();
        assert!(u64::from_be_bytes(*version) > 0);
        entries.push((key.to_vec(), GroupId::decode(id).unwrap()));
        Ok(())
    };
    database.scan(&[1][..]..&[2][..], &mut each).unwrap();
    assert!(!entries.is_empty());
    database.begin().unwrap();
    database.put(&[0], &header).unwrap();
    entries.iter().for_each(|(key, id)| database.put(key, &entry(id)).unwrap());
    database.commit().unwrap();
}

fn format(path: &Path) -> u8 {
    Sqlite::open_existing(path).unwrap().get(&[0]).unwrap().unwrap().expose()[1]
}

#[test]
fn a_store_of_the_first_format_goes_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let open = |name: &str| sqlite(&folder.path().join(name), &Key::None).unwrap();
    let mut devices = group_of(vec![open("a"), open("b")]);
    let mut bob = devices.pop().unwrap();
    drop(devices);
    write_first_format(&path, |id| id.encode().unwrap());
    let mut alice = Device::new("member 0", open("a"), 5).unwrap();
    assert_eq!(u16::from(format(&path)), FORMAT);
    assert_eq!(alice.group.as_ref().unwrap().1.version(), 1);
    let (commit, _) = alice.commit(|builder| builder).unwrap();
    assert_eq!(alice.group.as_ref().unwrap().1.version(), 2);
    alice.receive(&commit).unwrap();
    bob.receive(&commit).unwrap();
    agree(&[alice, bob]);
}

#[test]
fn one_that_is_damaged_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    drop(group_of(vec![sqlite(&path, &Key::None).unwrap()]));
    write_first_format(&path, |_| vec![9]);
    assert!(matches!(sqlite(&path, &Key::None), Err(StoreError::Corrupt(Record::Group))));
    assert_eq!(format(&path), 1);
}
