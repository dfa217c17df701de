//! Commits from their making to everybody's having entered their epoch, timed. After each, both members who are
//! awake agree.

use crate::crowd::{Crowd, Member, timed, written};
use crate::heap;
use pando_mls::{CommitBuilder, LeafIndex};
use std::time::Duration;

/// What a Commit took.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Making it, up to its bytes.
    pub create: Duration,
    /// Entering its epoch, for who made it.
    pub merge_own: Duration,
    /// Processing it, from its bytes, and entering its epoch.
    pub process: Duration,
    /// The size of the message.
    pub message_bytes: usize,
    /// What the receiver has to store.
    pub written_bytes: usize,
    /// How much more memory than before the receiver uses while processing it.
    pub peak_bytes: usize,
}

impl Crowd {
    /// New keys for the committer.
    pub fn update(&mut self) -> Round {
        self.round(|builder| builder)
    }

    /// A Commit whose epoch both have entered, for whoever else is awake.
    pub fn commit(&mut self, fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> Vec<u8> {
        let Self { committer, receiver, rng, .. } = self;
        let (message, _) = committer.commit(fill, rng);
        committer.group.merge_pending().unwrap().assume_persisted();
        let _ = receiver.process_commit(&message);
        message
    }

    /// Adds somebody who goes on sleeping, with a path or without. The Welcome has no tree.
    pub fn add(&mut self, with_path: bool) -> (Round, LeafIndex) {
        let newcomer = self.newcomer();
        let key_package = newcomer.bundle().key_package;
        let round = self.round(|builder| {
            let builder = builder.add(key_package).without_tree();
            if with_path { builder } else { builder.without_path() }
        });
        let tree = self.committer.group.public().tree();
        (round, tree.find_signature_key(newcomer.signer.public_key()).unwrap().unwrap())
    }

    /// Removes somebody.
    pub fn remove(&mut self, leaf: LeafIndex) -> Round {
        self.round(|builder| builder.remove(leaf))
    }

    fn round(&mut self, fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> Round {
        let Self { committer, receiver, rng, .. } = self;
        let ((message, _), create) = timed(|| committer.commit(fill, rng));
        let (_, merge_own) = timed(|| committer.group.merge_pending().unwrap());
        let ((delta, process), peak_bytes) =
            heap::peak_during(|| timed(|| receiver.process_commit(&message)));
        let (message_bytes, written_bytes) = (message.len(), written(&delta));
        self.assert_agreement(&self.receiver);
        Round { create, merge_own, process, message_bytes, written_bytes, peak_bytes }
    }

    /// Somebody joins by an external Commit, with the tree from elsewhere, and is removed again. Of the rounds's
    /// times that of entering the epoch is nothing; who processes it is the committer, who is farther away.
    pub fn join_externally(&mut self) -> Round {
        let newcomer = self.newcomer();
        let Self { committer, receiver, rng, .. } = self;
        let (group_info, tree) = (committer.group_info(false), committer.tree());
        let ((joined, message, _), create) =
            timed(|| Member::join_externally(newcomer, &group_info, &tree, None, rng));
        let ((delta, process), peak_bytes) =
            heap::peak_during(|| timed(|| committer.process_commit(&message)));
        let _ = receiver.process_commit(&message);
        let (message_bytes, written_bytes) = (message.len(), written(&delta));
        self.assert_agreement(&self.receiver);
        self.assert_agreement(&joined);
        self.remove(joined.group.own_leaf());
        Round { create, merge_own: Duration::ZERO, process, message_bytes, written_bytes, peak_bytes }
    }
}
