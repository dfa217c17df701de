//! Checks that a store overwrites every block with zeros before returning it to the file system.
//!
//! No free block of the device may contain deleted secrets. `pando-freed-blocks` records all
//! contents that SQLite cuts off or deletes. The store itself shortens the log, which the test
//! `scenarios` checks.

#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

use fixtures::{Device, group_of, passphrase, resync, sqlite, stranger, tea};
use pando_freed_blocks::{freed, install};
use pando_mls::CommitBuilder;
use pando_store::rusqlite::Connection;
use pando_store::{Erase, Key, Sqlite, StoreError};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A store that is observed during its lifetime.
struct Life<'a> {
    folder: &'a Path,
    key: Key,
    erase: Erase,
    /// Whether another connection reads an old state during each step.
    is_read: bool,
}

impl Life<'_> {
    fn path(&self) -> std::path::PathBuf {
        self.folder.join("b")
    }

    /// Runs a step that deletes secrets, while a reader is open if `is_read` is set. Then erases
    /// the deleted contents.
    fn step(&self, bob: &mut Device<Sqlite>, step: impl FnOnce(&mut Device<Sqlite>)) {
        let reader = self.is_read.then(|| {
            let reader = Connection::open(self.path()).unwrap();
            reader.execute_batch("BEGIN; SELECT count(*) FROM pando_records").unwrap();
            reader
        });
        step(bob);
        if reader.is_some() {
            assert!(matches!(bob.store.erase(), Err(StoreError::Busy)));
        }
        drop(reader);
        bob.store.erase().unwrap();
    }

    /// Simulates a crash of the client's process, in which nothing is closed.
    fn crash(&self, mut bob: Device<Sqlite>) -> Device<Sqlite> {
        bob.group = None;
        std::mem::forget(bob.store);
        let mut store = sqlite(&self.path(), &self.key).unwrap();
        store.set_erase(self.erase);
        Device::new("member 1", store, 77).unwrap()
    }

    fn live(mut self) {
        let open = |name: &str| sqlite(&self.folder.join(name), &self.key).unwrap();
        let mut devices = group_of(vec![open("a"), open("b")]);
        let (mut bob, mut alice) = (devices.pop().unwrap(), devices.pop().unwrap());
        bob.store.set_erase(self.erase);
        let crowd: Vec<_> = (0..60).map(|_| stranger(&mut alice.rng)).collect();
        let (commit, _) =
            alice.commit(|builder| crowd.into_iter().fold(builder, CommitBuilder::add)).unwrap();
        alice.receive(&commit).unwrap();
        self.step(&mut bob, |bob| drop(bob.receive(&commit).unwrap()));
        for round in 0..3 {
            let messages: Vec<_> = (0..10).map(|_| alice.send(b"hello").unwrap()).collect();
            self.step(&mut bob, |bob| {
                messages.iter().for_each(|message| drop(bob.receive(message).unwrap()));
            });
            self.step(&mut bob, |bob| (0..10).for_each(|_| drop(bob.send(b"hello").unwrap())));
            let (commit, _) = bob.commit(|builder| builder).unwrap();
            alice.receive(&commit).unwrap();
            self.step(&mut bob, |bob| drop(bob.receive(&commit).unwrap()));
            bob = if round == 1 { self.crash(bob) } else { bob };
        }

        // An external Commit is stored, and then abandoned.
        let (_, delta) = resync(&mut alice, &bob, 5).into_parts();
        self.step(&mut bob, |bob| {
            let (_, lock) = bob.group.as_ref().unwrap();
            let mut transaction = bob.store.begin().unwrap();
            transaction.apply(lock, &delta).unwrap();
            transaction.commit().unwrap();
            let mut transaction = bob.store.begin().unwrap();
            transaction.abandon_join(lock).unwrap();
            transaction.commit().unwrap();
        });

        // The keys are changed, and finally the store is shredded.
        bob.group = None;
        let other = Key::bytes(&[9; 32]).unwrap();
        if !matches!(self.key, Key::None) {
            self.step(&mut bob, |bob| bob.store.rewrap(&self.key, &other).or_else(not_erased).unwrap());
            self.key = other;
            bob = self.crash(bob);
            bob.group = None;
        }
        self.step(&mut bob, |bob| bob.store.rotate(&self.key).or_else(not_erased).unwrap());
        bob = self.crash(bob);
        bob.group = None;
        bob.store.compact().unwrap();
        self.step(&mut bob, |bob| {
            let lock = bob.store.lock(&tea(), Duration::ZERO).unwrap();
            let mut transaction = bob.store.begin().unwrap();
            transaction.delete_group(&lock).unwrap();
            transaction.commit().unwrap();
        });
        let len = fs::metadata(self.path()).unwrap().len();
        bob.store.compact().unwrap();
        bob = self.crash(bob);
        assert!(fs::metadata(self.path()).unwrap().len() < len);
        let key = self.key;
        bob.store.shred().unwrap();
        assert!(matches!(sqlite(&self.folder.join("b"), &key), Err(StoreError::Shredded)));
    }
}

/// Accepts [`StoreError::NotErased`], because a reader prevents the replaced contents from being
/// overwritten.
fn not_erased(error: StoreError) -> Result<(), StoreError> {
    if matches!(error, StoreError::NotErased { .. }) { Ok(()) } else { Err(error) }
}

/// Returns whether freed blocks contain nothing from the store. Such blocks are pages of zeros,
/// which begin with the number of the next page, or the header of a rollback journal. The journal
/// exists until a new database switches to its write-ahead log.
fn is_empty(content: &[u8]) -> bool {
    const JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let is_journal_header = content.starts_with(&JOURNAL) && content.len() <= 512;
    let mut pages = content.chunks(4_096);
    is_journal_header || pages.all(|page| page.iter().skip(4).all(|byte| *byte == 0))
}

#[test]
fn only_zeros_are_given_back() {
    install();
    for key in [|| Key::None, || Key::bytes(&[7; 32]).unwrap(), || passphrase("correct horse")] {
        for erase in [Erase::AtOnce, Erase::WhenAsked] {
            for is_read in [false, true] {
                let before = freed().len();
                let folder = TempDir::new().unwrap();
                Life { folder: folder.path(), key: key(), erase, is_read }.live();
                let freed = freed().split_off(before);
                assert!(freed.iter().map(Vec::len).sum::<usize>() > 10_000, "some blocks were freed");
                assert!(freed.iter().all(|content| is_empty(content)), "{erase:?}, read: {is_read}");
            }
        }
    }
    // The recorder works, because SQLite alone frees the blocks of a deleted value unchanged.
    let folder = TempDir::new().unwrap();
    let connection = Connection::open(folder.path().join("plain")).unwrap();
    let sql = "CREATE TABLE t (value BLOB); INSERT INTO t VALUES (zeroblob(20000));
               UPDATE t SET value = CAST(replace(hex(value), '0', 'x') AS BLOB); DELETE FROM t; VACUUM";
    connection.execute_batch(sql).unwrap();
    assert!(freed().iter().any(|content| content.windows(16).any(|window| window == [b'x'; 16])));
}
