//! Two clients in a group, of whom one has a store that fails.

#![allow(
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

use crate::people::{Device, memory, tea};
use pando_mls::{MlsMessage, RowKey};
use pando_store::{Backend, FAILPOINTS, Memory, Store, StoreError};

/// What is done with a fault in it.
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

/// Two clients, of whom the first has bad luck.
pub struct Two<B: Backend> {
    pub unlucky: Device<B>,
    pub lucky: Device<Memory>,
}

impl<B: Backend> Two<B> {
    /// `arm` is called right before what is to fail, which is the affair of the unlucky one alone.
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
                // The Commit refers to what the unlucky one has the private key for.
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

    /// The unlucky one takes a message, now or when its disk is in order again.
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
                // It was not stored, so it can be taken: once.
                assert_eq!(self.unlucky.receive(message).unwrap().as_deref(), data);
            }
        }
        received.map(|_| ())
    }

    /// The unlucky one is told that it is no member any more, and deletes what it has of the group.
    fn remove(&mut self, arm: &impl Fn()) -> Result<(), StoreError> {
        let leaf = self.unlucky.group().own_leaf();
        let (commit, _) = self.lucky.commit(|builder| builder.without_pending().remove(leaf)).unwrap();
        self.lucky.merge_pending().unwrap();
        self.receive(&commit, None, arm)?;
        self.unlucky.delete()
    }

    /// The unlucky one is added, and joins, now or when its disk is in order again.
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
                // Neither is stored: the group, and that the KeyPackage is used.
                self.unlucky.join(&welcome).unwrap();
            }
        }
        clear();
        assert!(self.unlucky.store.key_package_for(&welcome).unwrap().is_none(), "it is used up");
        joined
    }

    fn deliver(&mut self, commit: &MlsMessage) -> Result<(), StoreError> {
        self.lucky.receive(commit).unwrap();
        self.unlucky.receive(commit).map(|_| ())
    }

    /// The disk is in order again.
    pub fn recover(&mut self) {
        clear();
        self.unlucky.reload().unwrap();
    }

    /// What was begun is brought to its end, and both agree.
    pub fn finish(&mut self) {
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

/// Nothing fails any more.
pub fn clear() {
    FAILPOINTS.into_iter().for_each(fail::remove);
}

/// The unlucky one has this store.
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
