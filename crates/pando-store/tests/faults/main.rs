//! Every call of the store fails once, in every operation, as if the disk were full or could not be read or
//! written: the operation fails with that error, and when the group is loaded again it goes on, whether what failed
//! was stored or not.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure_for_method_calls,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all; and the method is not general enough"
)]

mod people;

use fail::FailScenario;
use pando_mls::{Encode, MlsMessage, RowKey};
use pando_store::{Backend, FAILPOINTS, IoKind, Key, Sqlite, StoreError};
use people::{Device, agree, group_of, memory, sqlite, tea};
use std::collections::BTreeSet;
use tempfile::TempDir;

const KINDS: [(&str, IoKind); 3] = [("full", IoKind::Full), ("read", IoKind::Read), ("write", IoKind::Write)];

/// What is done with a fault in it.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Send,
    Receive,
    Propose,
    Commit,
    Merge,
    Publish,
    Reload,
}

/// Two clients, of whom the first has bad luck.
struct Two<B: Backend> {
    unlucky: Device<B>,
    lucky: Device<pando_store::Memory>,
}

impl<B: Backend> Two<B> {
    /// `arm` is called right before what is to fail, which is the affair of the unlucky one alone.
    fn run(&mut self, operation: Operation, arm: impl Fn()) -> Result<(), StoreError> {
        match operation {
            Operation::Send => {
                arm();
                let sent = self.unlucky.send(b"hello");
                clear();
                assert_eq!(self.lucky.receive(&sent?).unwrap().unwrap(), b"hello");
            }
            Operation::Receive => {
                let message = self.lucky.send(b"hello").unwrap();
                let before = self.unlucky.group.as_ref().unwrap().1.version();
                arm();
                let received = self.unlucky.receive(&message);
                if received.is_err() {
                    self.recover();
                    if self.unlucky.group.as_ref().unwrap().1.version() == before {
                        // It was not stored, so it can be read: once.
                        assert_eq!(self.unlucky.receive(&message).unwrap().unwrap(), b"hello");
                    }
                }
                received?;
            }
            Operation::Propose => {
                arm();
                let proposal = self.unlucky.propose_update();
                clear();
                self.lucky.receive(&proposal?).unwrap();
            }
            Operation::Commit => {
                arm();
                let commit = self.unlucky.commit(|builder| builder);
                clear();
                self.deliver(&commit?.0)?;
            }
            Operation::Merge => {
                let (commit, _) = self.unlucky.commit(|builder| builder)?;
                self.lucky.receive(&commit).unwrap();
                arm();
                self.unlucky.receive(&commit)?;
            }
            Operation::Publish => {
                arm();
                drop(self.unlucky.publish(false)?);
            }
            Operation::Reload => {
                arm();
                self.unlucky.reload()?;
            }
        }
        Ok(())
    }

    fn deliver(&mut self, commit: &MlsMessage) -> Result<(), StoreError> {
        self.lucky.receive(commit).unwrap();
        self.unlucky.receive(commit).map(|_| ())
    }

    /// The disk is in order again.
    fn recover(&mut self) {
        clear();
        self.unlucky.reload().unwrap();
    }

    /// What was begun is brought to its end, and both agree.
    fn finish(&mut self) {
        self.recover();
        // A Commit that is stored was or will be sent: it is the one in the store.
        if let Some(commit) = self.unlucky.group().pending_commit().cloned() {
            if self.lucky.group().epoch() == self.unlucky.group().epoch() {
                self.lucky.receive(&commit).unwrap();
            }
            self.unlucky.receive(&commit).unwrap();
        }
        // Proposals, too, which nobody else may have heard of: they are committed by who has them.
        let (commit, _) = self.unlucky.commit(|builder| builder.without_pending()).unwrap();
        self.deliver(&commit).unwrap();
        let sent = self.unlucky.send(b"goes on").unwrap();
        assert_eq!(self.lucky.receive(&sent).unwrap().unwrap(), b"goes on");
        let stored = self.unlucky.stored();
        assert_eq!(stored, self.unlucky.group().rows().unwrap());
        assert_eq!(self.unlucky.group().epoch_authenticator(), self.lucky.group().epoch_authenticator());
        assert!(!stored.keys().any(|key| matches!(key, RowKey::PendingCommit | RowKey::Proposal(_))));
    }
}

fn clear() {
    FAILPOINTS.into_iter().for_each(fail::remove);
}

fn drill<B: Backend>(two: &mut Two<B>) {
    let mut failed = BTreeSet::new();
    for point in FAILPOINTS {
        for operation in [
            Operation::Send,
            Operation::Receive,
            Operation::Propose,
            Operation::Commit,
            Operation::Merge,
            Operation::Publish,
            Operation::Reload,
        ] {
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

fn two<B: Backend>(mut stores: Vec<pando_store::Store<B>>) -> Two<B> {
    let mut unlucky = Device::new("unlucky", stores.remove(0), 1).unwrap();
    let mut lucky = Device::new("lucky", memory(), 2).unwrap();
    unlucky.create(&tea()).unwrap();
    let added = lucky.publish(false).unwrap();
    let (_, welcome) = unlucky.commit(|builder| builder.add(added)).unwrap();
    unlucky.merge_pending().unwrap();
    lucky.join(&welcome.unwrap()).unwrap();
    Two { unlucky, lucky }
}

#[test]
fn in_memory() {
    let scenario = FailScenario::setup();
    drill(&mut two(vec![memory()]));
    scenario.teardown();
}

#[test]
fn in_a_file() {
    let scenario = FailScenario::setup();
    let folder = TempDir::new().unwrap();
    let key = Key::bytes(&[1; 32]).unwrap();
    drill(&mut two(vec![sqlite(&folder.path().join("store"), &key).unwrap()]));
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
