//! Every call of the store fails once in every operation, as if the disk were full or could not be
//! read or written. The operation must fail with the injected error. After the group is loaded
//! again, it must work, whether or not the failed change was stored.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure_for_method_calls,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a panic fails the test; the method is not general enough; and the target is in a package of its own"
)]

#[path = "../fixtures/mod.rs"]
mod fixtures;
mod pair;
#[path = "../../../../fuzz/src/store.rs"]
mod store;

use fail::FailScenario;
use fixtures::{Device, agree, group_of, memory, sqlite};
use pair::{OPERATIONS, Pair, pair};
use pando_mls::Encode;
use pando_store::{Backend, FAILPOINTS, IoKind, Key, Sqlite, StoreError};
use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, path::Path};
use tempfile::TempDir;

const KINDS: [(&str, IoKind); 3] = [("full", IoKind::Full), ("read", IoKind::Read), ("write", IoKind::Write)];

fn run_with_faults<B: Backend>(pair: &mut Pair<B>) {
    let mut failed = BTreeSet::new();
    for point in FAILPOINTS {
        for operation in OPERATIONS {
            for (nth, (error_kind, kind)) in (0..200).zip(KINDS.into_iter().cycle()) {
                let arm = || fail::cfg(point, &format!("{nth}*off->1*return({error_kind})->off")).unwrap();
                let result = pair.run(operation, arm);
                let succeeded = result.is_ok();
                if let Err(error) = result {
                    assert!(matches!(&error, StoreError::Io { kind: is, .. } if *is == kind), "{error:?}");
                    failed.insert(point);
                }
                pair.finish();
                // The operation has succeeded, so it reaches no further failpoint of this name.
                // Contents that have not been erased yet are erased by the next erasure.
                if succeeded {
                    break;
                }
            }
        }
    }
    let silent = ["store::erase", "store::erased"];
    let expected: BTreeSet<_> = FAILPOINTS.into_iter().filter(|point| !silent.contains(point)).collect();
    assert_eq!(failed, expected);
}

#[test]
fn in_memory() {
    let scenario = FailScenario::setup();
    run_with_faults(&mut pair(memory()));
    scenario.teardown();
}

#[test]
fn in_a_file() {
    let scenario = FailScenario::setup();
    let folder = TempDir::new().unwrap();
    let key = Key::bytes(&[1; 32]).unwrap();
    run_with_faults(&mut pair(sqlite(&folder.path().join("store"), &key).unwrap()));
    scenario.teardown();
}

/// If SQLite itself finds the disk full, the operation fails, and the group works again later.
#[test]
fn a_disk_that_is_full() {
    let scenario = FailScenario::setup();
    let folder = TempDir::new().unwrap();
    let mut devices = group_of(vec![
        sqlite(&folder.path().join("a"), &Key::None).unwrap(),
        sqlite(&folder.path().join("b"), &Key::None).unwrap(),
    ]);
    let (mut bob, mut alice) = (devices.pop().unwrap(), devices.pop().unwrap());
    let limit = |alice: &Device<Sqlite>, pages: &str| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        alice.store.connection().query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let pages = limit(&alice, "1");
    let mut sent = Vec::new();
    let full = loop {
        match alice.commit(|builder| builder) {
            Ok((commit, _)) => sent.push(commit),
            Err(error) => break error,
        }
        let commit = sent.last().unwrap();
        if let Err(error) = alice.receive(commit) {
            break error;
        }
        bob.receive(commit).unwrap();
    };
    assert!(matches!(full, StoreError::Io { kind: IoKind::Full, .. }), "{full:?}");
    alice.reload().unwrap();
    assert_eq!(limit(&alice, &(pages + 1_000).to_string()), pages + 1_000);
    if let Some(commit) = alice.group().pending_commit().cloned() {
        alice.receive(&commit).unwrap();
        bob.receive(&commit).unwrap();
    }
    let message = alice.send(b"there is room").unwrap();
    assert_eq!(bob.receive(&message).unwrap().unwrap(), b"there is room");
    assert!(message.encode().is_ok());
    agree(&[alice, bob]);
    scenario.teardown();
}

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Returns all records of a database.
fn records(database: &Sqlite) -> Records {
    let mut records = BTreeMap::new();
    let mut each = |key: &[u8], value: &[u8]| {
        records.insert(key.to_vec(), value.to_vec());
        Ok(())
    };
    database.scan(&[0][..]..&[0xff][..], &mut each).unwrap();
    records
}

/// After a power failure at any time while the log is overwritten, the files contain everything
/// that was committed.
#[test]
fn a_crash_while_the_log_is_overwritten() {
    let scenario = FailScenario::setup();
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (from, to) = (folder.path().to_owned(), copies.path().to_owned());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    fail::cfg_callback("log::overwrite", move || {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        for end in ["", "-wal"] {
            fs::copy(from.join(format!("a{end}")), to.join(format!("{number}{end}"))).unwrap();
        }
    })
    .unwrap();
    let mut database = Sqlite::open(folder.path().join("a")).unwrap();
    let mut rng = fixtures::rng(1);
    for round in 0..20 {
        // The last transactions are smaller, so that a large part of the log is after their frames.
        for transaction in 0..3 - round % 3 {
            database.begin().unwrap();
            for _ in 0..(40 >> (8 * transaction)).max(1) {
                let mut value = vec![0; rng.next_u32() as usize % 12_000];
                rng.fill_bytes(&mut value);
                database.put(&[1, (rng.next_u32() % 30) as u8], &value).unwrap();
            }
            database.commit().unwrap();
        }
        let (before, expected) = (count.load(Ordering::Relaxed), records(&database));
        database.erase().unwrap();
        for number in before..count.load(Ordering::Relaxed) {
            let copy = Sqlite::open_existing(copies.path().join(number.to_string())).unwrap();
            assert!(records(&copy) == expected, "{round} {number}");
        }
    }
    assert!(count.load(Ordering::Relaxed) > 20);
    scenario.teardown();
}

/// Returns a database from which most values were deleted, the records that remain in it, and all
/// values that it has ever contained.
fn mostly_deleted(path: &Path) -> (Sqlite, Records, Vec<Vec<u8>>) {
    let mut database = Sqlite::open(path).unwrap();
    let (mut rng, mut all) = (fixtures::rng(1), Vec::new());
    for key in 0..300_u16 {
        let mut value = vec![0; 100 + rng.next_u32() as usize % 3_000];
        rng.fill_bytes(&mut value);
        database.begin().unwrap();
        database.put(&key.to_be_bytes(), &value).unwrap();
        database.commit().unwrap();
        all.push(value);
    }
    for key in (0..300_u16).filter(|key| key % 7 != 0) {
        let key = key.to_be_bytes();
        database.begin().unwrap();
        database.delete(&key..&[&key[..], &[0]].concat()).unwrap();
        database.commit().unwrap();
    }
    database.erase().unwrap();
    let there = records(&database);
    (database, there, all)
}

/// Returns how often the first 24 bytes of any of the values occur in `bytes`.
fn found(values: &[Vec<u8>], bytes: &[u8]) -> usize {
    let starts: BTreeSet<&[u8]> = values.iter().map(|value| &value[..24]).collect();
    bytes.windows(24).filter(|window| starts.contains(*window)).count()
}

/// The end of the database is overwritten before it is returned to the file system.
#[test]
fn room_is_given_back_without_contents() {
    let scenario = FailScenario::setup();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let (mut database, there, all) = mostly_deleted(&path);
    let before = fs::read(&path).unwrap();
    assert_eq!(found(&all, &before), there.len());
    let cut = Arc::new(Mutex::new(Vec::new()));
    let (file, seen) = (path.clone(), Arc::clone(&cut));
    let look = move || seen.lock().unwrap().push(fs::read(&file).unwrap());
    fail::cfg_callback("compact::cut", look).unwrap();
    database.compact().unwrap();
    database.erase().unwrap();
    let after = fs::read(&path).unwrap();
    assert!(after.len() * 3 < before.len(), "{} {}", before.len(), after.len());
    let cut = cut.lock().unwrap();
    assert_eq!(cut.len(), 1);
    assert!(cut[0].len() >= before.len());
    assert_eq!(found(&all, &cut[0][after.len()..]), 0);
    assert_eq!(found(&all, &after), there.len());
    assert!(records(&database) == there);
    scenario.teardown();
}

/// No space is returned if the process ends or the disk is full before the space is overwritten.
#[test]
fn room_is_not_given_back_before_it_is_overwritten() {
    let scenario = FailScenario::setup();
    for crash in [false, true] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        let (mut database, there, all) = mostly_deleted(&path);
        let before = fs::metadata(&path).unwrap().len();
        fail::cfg("compact::fill", "return(full)").unwrap();
        let full = |result| matches!(result, Err(StoreError::Io { kind: IoKind::Full, .. }));
        assert!(full(database.compact()));
        assert!(full(database.erase()));
        assert_eq!(fs::metadata(&path).unwrap().len(), before);
        fail::remove("compact::fill");
        if crash {
            std::mem::forget(database);
            database = Sqlite::open_existing(&path).unwrap();
            database.ready().unwrap();
        }
        database.erase().unwrap();
        assert!(records(&database) == there);
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() as u64 >= before);
        assert_eq!(found(&all, &bytes), there.len());
        database.compact().unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!((bytes.len() as u64) * 3 < before);
        assert_eq!(found(&all, &bytes), there.len());
        assert!(records(&database) == there);
    }
    scenario.teardown();
}

/// Space is returned even if other connections write between the steps.
#[test]
fn room_is_given_back_while_others_write() {
    let scenario = FailScenario::setup();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let (mut database, mut there, all) = mostly_deleted(&path);
    let before = fs::metadata(&path).unwrap().len();
    let (other, left) = (path.clone(), AtomicUsize::new(2));
    fail::cfg_callback("compact::fill", move || {
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            let mut other = Sqlite::open_existing(&other).unwrap();
            other.begin().unwrap();
            other.put(&[9], &[9; 20_000]).unwrap();
            other.commit().unwrap();
            // At this time, the log must not be written to the database.
            assert!(matches!(other.erase(), Err(StoreError::Busy)));
        }
    })
    .unwrap();
    database.compact().unwrap();
    there.insert(vec![9], vec![9; 20_000]);
    assert!(records(&database) == there);
    let bytes = fs::read(&path).unwrap();
    assert!((bytes.len() as u64) * 2 < before);
    assert_eq!(found(&all, &bytes), there.len() - 1);
    scenario.teardown();
}

/// Runs the fuzz target of the store on the kept inputs, which are stored in hexadecimal, one per
/// line.
#[test]
fn chosen_by_the_fuzzer() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/kept/store")).unwrap();
    assert!(text.len() < 100_000 && text.lines().count() >= 10);
    text.lines().for_each(|line| store::store(&hex::decode(line).unwrap()));
}
