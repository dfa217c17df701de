//! Two clients in a group, one of them with a failing store.

#![allow(unreachable_pub, clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use crate::people::{Device, memory, tea};
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

/// Two clients. The store of the first one fails.
pub struct Two<B: Backend> {
    pub unlucky: Device<B>,
    pub lucky: Device<Memory>,
}

impl<B: Backend> Two<B> {
    /// Runs an operation. `arm` is called immediately before the part that must fail, which
    /// concerns only the unlucky client.
    pub fn run(&mut self, operation: Operation, arm: impl Fn()) -> Result<(), StoreError> {
        match operation {
            Operation::Send => {
                arm();
                let sent = self.unlucky.send(b"hello");
                clear();
                assert_eq!(self.lucky.receive(&sent?).unwrap().unwrap(), b"hello");
            }
            Operation::Receive => {
                let message = self.lucky.send(b"hello").unwrap();
                self.receive(&message, Some(b"hello"), arm)?;
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
            Operation::TakeProposal => {
                let proposal = self.lucky.propose_update().unwrap();
                self.receive(&proposal, None, arm)?;
            }
            Operation::CommitPending => {
                let proposal = self.lucky.propose_update().unwrap();
                self.unlucky.receive(&proposal).unwrap();
                arm();
                let commit = self.unlucky.commit(|builder| builder);
                clear();
                self.deliver(&commit?.0)?;
            }
            Operation::Follow => {
                // The Commit refers to a proposal for which the unlucky client has the private key.
                let proposal = self.unlucky.propose_update().unwrap();
                self.lucky.receive(&proposal).unwrap();
                let (commit, _) = self.lucky.commit(|builder| builder).unwrap();
                self.lucky.merge_pending().unwrap();
                self.receive(&commit, None, arm)?;
            }
            Operation::Remove => {
                let removed = self.remove(&arm);
                self.recover();
                if self.unlucky.group.is_some() {
                    self.unlucky.delete().unwrap();
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

    /// Lets the unlucky client receive a message, now or after its disk works again.
    fn receive(
        &mut self,
        message: &MlsMessage,
        data: Option<&[u8]>,
        arm: impl Fn(),
    ) -> Result<(), StoreError> {
        let stored = |device: &Device<B>| device.group.as_ref().map(|(group, _)| group.position());
        let before = stored(&self.unlucky);
        arm();
        let received = self.unlucky.receive(message);
        if received.is_err() {
            self.recover();
            if stored(&self.unlucky) == before {
                // It was not stored, so it can be processed exactly once.
                assert_eq!(self.unlucky.receive(message).unwrap().as_deref(), data);
            }
        }
        received.map(|_| ())
    }

    /// Removes the unlucky client, which deletes its rows of the group.
    fn remove(&mut self, arm: &impl Fn()) -> Result<(), StoreError> {
        let leaf = self.unlucky.group().own_leaf();
        let (commit, _) = self.lucky.commit(|builder| builder.without_pending().remove(leaf)).unwrap();
        self.lucky.merge_pending().unwrap();
        self.receive(&commit, None, arm)?;
        self.unlucky.delete()
    }

    /// Adds the unlucky client, which joins now or after its disk works again.
    fn join(&mut self, arm: impl Fn()) -> Result<(), StoreError> {
        let added = self.unlucky.publish(false).unwrap();
        let (_, welcome) = self.lucky.commit(|builder| builder.without_pending().add(added)).unwrap();
        let welcome = welcome.unwrap();
        self.lucky.merge_pending().unwrap();
        arm();
        let joined = self.unlucky.join(&welcome);
        if joined.is_err() {
            self.recover();
            if self.unlucky.group.is_none() {
                // Neither the group nor the use of the KeyPackage is stored.
                self.unlucky.join(&welcome).unwrap();
            }
        }
        clear();
        assert!(self.unlucky.store.key_package_for(&welcome).unwrap().is_none(), "it is consumed");
        joined
    }

    fn deliver(&mut self, commit: &MlsMessage) -> Result<(), StoreError> {
        self.lucky.receive(commit).unwrap();
        self.unlucky.receive(commit).map(|_| ())
    }

    /// Lets the disk work again.
    pub fn recover(&mut self) {
        clear();
        self.unlucky.reload().unwrap();
    }

    /// Completes all unfinished operations, and checks that both clients agree.
    pub fn finish(&mut self) {
        self.recover();
        // A stored Commit was or will be sent, and it is the one in the store.
        if let Some(commit) = self.unlucky.group().pending_commit().cloned() {
            if self.lucky.group().epoch() == self.unlucky.group().epoch() {
                self.lucky.receive(&commit).unwrap();
            }
            self.unlucky.receive(&commit).unwrap();
        }
        // The other client may not have received all proposals, so the client that has them
        // commits.
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

/// Removes all faults.
pub fn clear() {
    FAILPOINTS.into_iter().for_each(fail::remove);
}

/// Returns a group of two, in which the unlucky client has this store.
pub fn two<B: Backend>(store: Store<B>) -> Two<B> {
    let mut unlucky = Device::new("unlucky", store, 1).unwrap();
    let mut lucky = Device::new("lucky", memory(), 2).unwrap();
    unlucky.create(&tea()).unwrap();
    let added = lucky.publish(false).unwrap();
    let (_, welcome) = unlucky.commit(|builder| builder.add(added)).unwrap();
    unlucky.merge_pending().unwrap();
    lucky.join(&welcome.unwrap()).unwrap();
    Two { unlucky, lucky }
}
