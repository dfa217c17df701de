//! Every call of the store fails once, in every operation, as if the disk were full or could not be read or
//! written: the operation fails with that error, and when the group is loaded again it goes on, whether what failed
//! was stored or not.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure_for_method_calls,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "in a test, a panic is a failure and that is all; the method is not general enough; and the target is in a package of its own"
)]

#[path = "../people/mod.rs"]
mod people;
#[path = "../../../../fuzz/src/store.rs"]
mod store;
mod two;

use fail::FailScenario;
use pando_mls::Encode;
use pando_store::{Backend, FAILPOINTS, IoKind, Key, Sqlite, StoreError};
use people::{Device, agree, group_of, memory, sqlite};
use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, path::Path};
use tempfile::TempDir;
use two::{OPERATIONS, Two, two};

const KINDS: [(&str, IoKind); 3] = [("full", IoKind::Full), ("read", IoKind::Read), ("write", IoKind::Write)];

fn drill<B: Backend>(two: &mut Two<B>) {
    let mut failed = BTreeSet::new();
    for point in FAILPOINTS {
        for operation in OPERATIONS {
            for (nth, (told, kind)) in (0..200).zip(KINDS.into_iter().cycle()) {
                let arm = || fail::cfg(point, &format!("{nth}*off->1*return({told})->off")).unwrap();
                let result = two.run(operation, arm);
                let succeeded = result.is_ok();
                if let Err(error) = result {
                    assert!(matches!(&error, StoreError::Io { kind: is, .. } if *is == kind), "{error:?}");
                    failed.insert(point);
                }
                two.finish();
                // There are no more places of this name in this operation; and what is not erased is, the next time.
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
    drill(&mut two(memory()));
    scenario.teardown();
}

#[test]
fn in_a_file() {
    let scenario = FailScenario::setup();
    let folder = TempDir::new().unwrap();
    let key = Key::bytes(&[1; 32]).unwrap();
    drill(&mut two(sqlite(&folder.path().join("store"), &key).unwrap()));
    scenario.teardown();
}

/// SQLite itself has no room.
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

/// All records of a database.
fn records(database: &Sqlite) -> Records {
    let mut records = BTreeMap::new();
    let mut each = |key: &[u8], value: &[u8]| {
        records.insert(key.to_vec(), value.to_vec());
        Ok(())
    };
    database.scan(&[0][..]..&[0xff][..], &mut each).unwrap();
    records
}

/// The power fails at any time while the log is overwritten: the files as they are then have all that was committed.
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
    let mut rng = people::rng(1);
    for round in 0..20 {
        // Some transactions, of which the last ones are smaller, so that there is much behind them.
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

/// The fuzz target for the store, on inputs that are kept: one in each line, in hexadecimal digits.
#[test]
fn chosen_by_the_fuzzer() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/kept/store")).unwrap();
    assert!(text.len() < 100_000 && text.lines().count() >= 10);
    text.lines().for_each(|line| store::store(&hex::decode(line).unwrap()));
}
