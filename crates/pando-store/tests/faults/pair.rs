//! Two clients in a group, one of which has a failing store.

#![allow(unreachable_pub, clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use crate::fixtures::{Device, memory, tea};
use pando_mls::{MlsMessage, RowKey};
use pando_store::{Backend, FAILPOINTS, Memory, Store, StoreError};

/// Operations during which a fault occurs.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    Send,
    Receive,
    Propose,
    Commit,
    Merge,
    Publish,
    Reload,
    TakeProposal,
    CommitPending,
    Follow,
    Remove,
    Join,
}

pub const OPERATIONS: [Operation; 12] = [
    Operation::Send,
    Operation::Receive,
    Operation::Propose,
    Operation::Commit,
    Operation::Merge,
    Operation::Publish,
    Operation::Reload,
    Operation::TakeProposal,
    Operation::CommitPending,
    Operation::Follow,
    Operation::Remove,
    Operation::Join,
];

/// A client whose store fails, and a client whose store works.
pub struct Pair<B: Backend> {
    pub faulty: Device<B>,
    pub healthy: Device<Memory>,
}

impl<B: Backend> Pair<B> {
    /// Runs an operation. `arm` is called immediately before the part that must fail. Only the
    /// faulty client runs that part.
    pub fn run(&mut self, operation: Operation, arm: impl Fn()) -> Result<(), StoreError> {
        match operation {
            Operation::Send => {
                arm();
                let sent = self.faulty.send(b"hello");
                clear();
                assert_eq!(self.healthy.receive(&sent?).unwrap().unwrap(), b"hello");
            }
            Operation::Receive => {
                let message = self.healthy.send(b"hello").unwrap();
                self.receive(&message, Some(b"hello"), arm)?;
            }
            Operation::Propose => {
                arm();
                let proposal = self.faulty.propose_update();
                clear();
                self.healthy.receive(&proposal?).unwrap();
            }
            Operation::Commit => {
                arm();
                let commit = self.faulty.commit(|builder| builder);
                clear();
                self.deliver(&commit?.0)?;
            }
            Operation::Merge => {
                let (commit, _) = self.faulty.commit(|builder| builder)?;
                self.healthy.receive(&commit).unwrap();
                arm();
                self.faulty.receive(&commit)?;
            }
            Operation::Publish => {
                arm();
                drop(self.faulty.publish(false)?);
            }
            Operation::Reload => {
                arm();
                self.faulty.reload()?;
            }
            Operation::TakeProposal => {
                let proposal = self.healthy.propose_update().unwrap();
                self.receive(&proposal, None, arm)?;
            }
            Operation::CommitPending => {
                let proposal = self.healthy.propose_update().unwrap();
                self.faulty.receive(&proposal).unwrap();
                arm();
                let commit = self.faulty.commit(|builder| builder);
                clear();
                self.deliver(&commit?.0)?;
            }
            Operation::Follow => {
                // The Commit refers to a proposal for which the faulty client has the private key.
                let proposal = self.faulty.propose_update().unwrap();
                self.healthy.receive(&proposal).unwrap();
                let (commit, _) = self.healthy.commit(|builder| builder).unwrap();
                self.healthy.merge_pending().unwrap();
                self.receive(&commit, None, arm)?;
            }
            Operation::Remove => {
                let removed = self.remove(&arm);
                self.recover();
                if self.faulty.group.is_some() {
                    self.faulty.delete().unwrap();
                }
                self.join(|| ()).unwrap();
                removed?;
            }
            Operation::Join => {
                self.remove(&|| ()).unwrap();
                self.join(arm)?;
            }
        }
        Ok(())
    }

    /// Makes the faulty client receive a message, now or after its disk works again.
    fn receive(
        &mut self,
        message: &MlsMessage,
        data: Option<&[u8]>,
        arm: impl Fn(),
    ) -> Result<(), StoreError> {
        let stored = |device: &Device<B>| device.group.as_ref().map(|(group, _)| group.position());
        let before = stored(&self.faulty);
        arm();
        let received = self.faulty.receive(message);
        if received.is_err() {
            self.recover();
            if stored(&self.faulty) == before {
                // The change was not stored, so the message can be processed exactly once.
                assert_eq!(self.faulty.receive(message).unwrap().as_deref(), data);
            }
        }
        received.map(|_| ())
    }

    /// Removes the faulty client, which deletes its rows of the group.
    fn remove(&mut self, arm: &impl Fn()) -> Result<(), StoreError> {
        let leaf = self.faulty.group().own_leaf();
        let (commit, _) = self.healthy.commit(|builder| builder.without_pending().remove(leaf)).unwrap();
        self.healthy.merge_pending().unwrap();
        self.receive(&commit, None, arm)?;
        self.faulty.delete()
    }

    /// Adds the faulty client, which joins now or after its disk works again.
    fn join(&mut self, arm: impl Fn()) -> Result<(), StoreError> {
        let added = self.faulty.publish(false).unwrap();
        let (_, welcome) = self.healthy.commit(|builder| builder.without_pending().add(added)).unwrap();
        let welcome = welcome.unwrap();
        self.healthy.merge_pending().unwrap();
        arm();
        let joined = self.faulty.join(&welcome);
        if joined.is_err() {
            self.recover();
            if self.faulty.group.is_none() {
                // Neither the group nor the use of the KeyPackage is stored.
                self.faulty.join(&welcome).unwrap();
            }
        }
        clear();
        assert!(self.faulty.store.key_package_for(&welcome).unwrap().is_none(), "it is consumed");
        joined
    }

    fn deliver(&mut self, commit: &MlsMessage) -> Result<(), StoreError> {
        self.healthy.receive(commit).unwrap();
        self.faulty.receive(commit).map(|_| ())
    }

    /// Makes the disk work again, and loads the group of the faulty client.
    pub fn recover(&mut self) {
        clear();
        self.faulty.reload().unwrap();
    }

    /// Completes all unfinished operations, and checks that both clients agree.
    pub fn finish(&mut self) {
        self.recover();
        // If a Commit is stored as pending, exactly this Commit was sent or will be sent.
        if let Some(commit) = self.faulty.group().pending_commit().cloned() {
            if self.healthy.group().epoch() == self.faulty.group().epoch() {
                self.healthy.receive(&commit).unwrap();
            }
            self.faulty.receive(&commit).unwrap();
        }
        // The healthy client may not have received all proposals, so the faulty client commits.
        let (commit, _) = self.faulty.commit(|builder| builder.without_pending()).unwrap();
        self.deliver(&commit).unwrap();
        let sent = self.faulty.send(b"goes on").unwrap();
        assert_eq!(self.healthy.receive(&sent).unwrap().unwrap(), b"goes on");
        let stored = self.faulty.stored();
        assert_eq!(stored, self.faulty.group().rows().unwrap());
        assert_eq!(self.faulty.group().epoch_authenticator(), self.healthy.group().epoch_authenticator());
        assert!(!stored.keys().any(|key| matches!(key, RowKey::PendingCommit | RowKey::Proposal(_))));
    }
}

/// Removes all faults.
pub fn clear() {
    FAILPOINTS.into_iter().for_each(fail::remove);
}

/// Returns a group of two clients, in which the faulty client uses `store`.
pub fn pair<B: Backend>(store: Store<B>) -> Pair<B> {
    let mut faulty = Device::new("unlucky", store, 1).unwrap();
    let mut healthy = Device::new("lucky", memory(), 2).unwrap();
    faulty.create(&tea()).unwrap();
    let added = healthy.publish(false).unwrap();
    let (_, welcome) = faulty.commit(|builder| builder.add(added)).unwrap();
    faulty.merge_pending().unwrap();
    healthy.join(&welcome.unwrap()).unwrap();
    Pair { faulty, healthy }
}
