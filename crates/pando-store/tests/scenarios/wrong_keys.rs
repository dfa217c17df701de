//! A store opens only with its key, and attempts with another key do not change it. A store that a
//! later version has written is not touched.

use crate::fixtures::{group_of, passphrase, sqlite, tea};
use pando_store::{
    Argon2Cost, Argon2Limit, Backend, IoKind, Key, Misuse, Record, Sqlite, SqliteStore, StoreError,
};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Returns the contents of all files in a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        // Any reader creates the index of the log, so the index is left out.
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
        // A store without its header is not mistaken for a new one.
        let mut database = Sqlite::open_existing(&path).unwrap();
        database.begin().unwrap();
        database.delete(&[0][..]..&[0, 0][..]).unwrap();
        database.commit().unwrap();
        drop(database);
        corrupt(&path);
    }
}

fn at_cost(words: &str, cost: Argon2Cost, limit: Argon2Limit) -> Key {
    Key::Passphrase { passphrase: words.as_bytes().into(), cost, limit }
}

/// The position of the Argon2 parameters in a header, after the format, the magic, the identifier,
/// the kind and the salt.
const COST: std::ops::Range<usize> = 2 + 11 + 16 + 1 + 17..2 + 11 + 16 + 1 + 17 + 12;

#[test]
fn a_cost_above_the_limit_is_refused_before_it_is_paid() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(sqlite(&path, &passphrase("a")).unwrap());
    let words = |memory: u32, passes: u32, lanes: u32| {
        [memory.to_be_bytes(), passes.to_be_bytes(), lanes.to_be_bytes()].concat()
    };
    let began = std::time::Instant::now();
    // Argon2 itself would allow each of these parameters.
    for (memory, passes, lanes) in
        [(u32::MAX, 1, 1), (4 << 20, 1_000, 1), (7 << 10, 1_000, 1), (2 << 20, 2, 1), (7 << 10, 5, 65)]
    {
        set_header(&path, |header| header.splice(COST, words(memory, passes, lanes)).for_each(drop));
        let refused = sqlite(&path, &passphrase("a"));
        let cost = Argon2Cost { memory, passes, lanes };
        assert!(matches!(refused, Err(StoreError::TooCostly(found)) if found == cost), "{refused:?}");
        let new = sqlite(&folder.path().join("new"), &at_cost("a", cost, Argon2Limit::default()));
        assert!(matches!(new, Err(StoreError::Misuse(Misuse::Argon2))), "{new:?}");
    }
    assert!(began.elapsed().as_secs() < 5);
    // A header whose cost was lowered does not open either.
    set_header(&path, |header| header.splice(COST, words(7 << 10, 4, 1)).for_each(drop));
    assert!(matches!(sqlite(&path, &passphrase("a")), Err(StoreError::WrongKey)));
    set_header(&path, |header| header.splice(COST, words(7 << 10, 5, 1)).for_each(drop));
    sqlite(&path, &passphrase("a")).unwrap();
}

#[test]
fn the_limit_can_be_lower() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    drop(sqlite(&path, &passphrase("a")).unwrap());
    let floor = Argon2Cost::FLOOR;
    let exact = Argon2Limit { memory: floor.memory, work: floor.work() };
    drop(sqlite(&path, &at_cost("a", floor, exact)).unwrap());
    for limit in
        [Argon2Limit { memory: floor.memory - 1, ..exact }, Argon2Limit { work: floor.work() - 1, ..exact }]
    {
        let refused = sqlite(&path, &at_cost("a", floor, limit));
        assert!(matches!(refused, Err(StoreError::TooCostly(_))), "{refused:?}");
    }
    // A limit above the default has no effect.
    let high = Argon2Limit { memory: u32::MAX, work: u64::MAX };
    let dear = Argon2Cost { memory: 2 << 20, passes: 2, lanes: 1 };
    let refused = sqlite(&folder.path().join("new"), &at_cost("a", dear, high));
    assert!(matches!(refused, Err(StoreError::Misuse(Misuse::Argon2))), "{refused:?}");
}

#[test]
fn no_store_gets_a_weak_passphrase() {
    let folder = TempDir::new().unwrap();
    let (path, limit) = (folder.path().join("store"), Argon2Limit::default());
    for (memory, passes) in [(64, 1), (7 << 10, 4), (6 << 10, 100), (0, 0)] {
        let weak = at_cost("a", Argon2Cost { memory, passes, lanes: 1 }, limit);
        let refused = sqlite(&path, &weak);
        assert!(matches!(refused, Err(StoreError::Misuse(Misuse::Argon2))), "{refused:?}");
    }
    let empty = |result: Result<SqliteStore, StoreError>| {
        assert!(matches!(result, Err(StoreError::Misuse(Misuse::EmptyPassphrase))), "{result:?}");
    };
    empty(sqlite(&path, &Key::passphrase("")));
    assert!(!Sqlite::open(&path).unwrap().has_store());
    // The OWASP recommendations are sufficient.
    for (memory, passes) in [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)] {
        let cost = Argon2Cost { memory, passes, lanes: 1 };
        drop(sqlite(&folder.path().join(memory.to_string()), &at_cost("a", cost, limit)).unwrap());
    }
    let mut store = sqlite(&path, &passphrase("a")).unwrap();
    let refused = store.rewrap(&passphrase("a"), &Key::passphrase(""));
    assert!(matches!(refused, Err(StoreError::Misuse(Misuse::EmptyPassphrase))), "{refused:?}");
    let refused = store.rotate(&Key::passphrase(""));
    assert!(matches!(refused, Err(StoreError::Misuse(Misuse::EmptyPassphrase))), "{refused:?}");
    drop(store);
    empty(sqlite(&path, &Key::passphrase("")));
}

/// All parts of the header are authenticated, including the identifier of its store.
#[test]
fn a_header_is_of_one_store_and_format() {
    let folder = TempDir::new().unwrap();
    let key = || Key::bytes(&[1; 32]).unwrap();
    let path = |name: &str| folder.path().join(name);
    let ids: Vec<_> = [("a", key()), ("b", key()), ("c", Key::None), ("d", Key::None)]
        .iter()
        .map(|(name, key)| *group_of(vec![sqlite(&path(name), key).unwrap()])[0].store.id())
        .collect();
    assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id) && *id != [0; 16]));
    let header = |name: &str| {
        let header = Sqlite::open_existing(path(name)).unwrap().get(&[0]).unwrap().unwrap();
        header.expose().to_vec()
    };
    let (ours, others) = (header("a"), header("b"));
    assert_eq!(ours[..13], *b"\0\x03pando-store");
    assert_eq!(ours[13..29], ids[0]);
    // With the header of another store, the records cannot be found, but the store is not mistaken
    // for an empty one.
    set_header(&path("a"), |header| *header = others.clone());
    let store = sqlite(&path("a"), &key()).unwrap();
    assert_eq!(*store.id(), ids[1]);
    assert!(matches!(store.contains(&tea()), Err(StoreError::WrongKey)));
    assert!(store.groups().is_err());
    drop(store);
    for at in 2..ours.len() {
        set_header(&path("a"), |header| {
            *header = ours.clone();
            header[at] ^= 1;
        });
        let refused = sqlite(&path("a"), &key());
        let expected = matches!(refused, Err(StoreError::WrongKey | StoreError::Corrupt(Record::Header)));
        assert!(expected, "{at}: {refused:?}");
    }
    // The wrapped data key of another store is refused, too.
    set_header(&path("a"), |header| {
        *header = ours.clone();
        let data_key = others.len() - 72;
        header.splice(data_key.., others[data_key..].iter().copied()).for_each(drop);
    });
    assert!(matches!(sqlite(&path("a"), &key()), Err(StoreError::WrongKey)));
    set_header(&path("a"), |header| *header = ours.clone());
    assert_eq!(sqlite(&path("a"), &key()).unwrap().groups().unwrap(), [tea()]);
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
    for contents in [&[7; 4_096][..], b"a text\n"] {
        fs::write(&path, contents).unwrap();
        let refused = sqlite(&path, &Key::None).unwrap_err();
        assert!(matches!(refused, StoreError::NotADatabase), "{refused:?}");
        assert_eq!(refused.to_string(), "the file is not a SQLite database");
        assert_eq!(fs::read(&path).unwrap(), contents);
    }
    let nowhere = folder.path().join("no").join("folder");
    assert!(matches!(sqlite(&nowhere, &Key::None), Err(StoreError::Io { .. })));
}
