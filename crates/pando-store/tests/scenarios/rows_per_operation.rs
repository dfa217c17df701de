//! The size of an operation's writes grows with the logarithm of the group's size.

use crate::fixtures::{Device, group_of, memory, sqlite, stranger};
use pando_mls::CommitBuilder;
use pando_store::{Key, Sqlite};
use tempfile::TempDir;

/// Returns the number of pages that an operation writes to SQLite's log, which the operation
/// restarts.
fn pages(device: &mut Device<Sqlite>, operation: impl FnOnce(&mut Device<Sqlite>)) -> u64 {
    device.store.erase().unwrap();
    operation(device);
    let sql = "PRAGMA wal_checkpoint(NOOP)";
    device.store.connection().query_row(sql, [], |row| row.get::<_, u32>(1)).unwrap().into()
}

#[test]
fn a_message_is_a_few_pages_and_a_commit_a_few_more() {
    let mut written = Vec::new();
    for crowd in [10, 100, 400] {
        let folder = TempDir::new().unwrap();
        let mut bob = Device::new("bob", sqlite(&folder.path().join("b"), &Key::None).unwrap(), 1).unwrap();
        bob.store.set_erase(pando_store::Erase::WhenAsked);
        let mut alice = group_of(vec![memory()]).remove(0);
        let mut added: Vec<_> = (0..crowd).map(|_| stranger(&mut alice.rng)).collect();
        added.push(bob.publish(false).unwrap());
        let (_, welcome) =
            alice.commit(|builder| added.into_iter().fold(builder, CommitBuilder::add)).unwrap();
        alice.merge_pending().unwrap();
        let join = pages(&mut bob, |bob| bob.join(welcome.as_ref().unwrap()).unwrap());
        let first = alice.send(b"hello").unwrap();
        let first = pages(&mut bob, |bob| drop(bob.receive(&first).unwrap()));
        let next = alice.send(b"hello").unwrap();
        let next = pages(&mut bob, |bob| drop(bob.receive(&next).unwrap()));
        // The first Commit fills the parent nodes of the tree.
        for _ in 0..2 {
            let (commit, _) = alice.commit(|builder| builder).unwrap();
            alice.receive(&commit).unwrap();
            let commit = pages(&mut bob, |bob| drop(bob.receive(&commit).unwrap()));
            written.push((crowd, join, first, next, commit));
        }
    }
    for (crowd, join, first, next, commit) in &written {
        assert!(*join >= crowd * 300 / 4_096, "{written:?}");
        assert!(*first <= 16 && *next <= 8 && *commit <= 40, "{written:?}");
    }
}
