//! Timed Commits, from making one until both active members have entered its epoch. After each
//! Commit, both must agree.

use crate::heap;
use crate::large_group::{LargeGroup, Member, timed, written};
use pando_mls::{CommitBuilder, LeafIndex};
use std::time::Duration;

/// Measurements of one Commit.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Time for making it, including encoding.
    pub create: Duration,
    /// Time for merging it as the committer.
    pub merge_own: Duration,
    /// Time for processing it, including decoding and merging.
    pub process: Duration,
    /// The size of the message.
    pub message_bytes: usize,
    /// Number of bytes that the receiver must store.
    pub written_bytes: usize,
    /// Peak of the receiver's memory during processing, above the memory before.
    pub peak_bytes: usize,
}

impl LargeGroup {
    /// Makes a Commit without proposals, which gives the committer new keys.
    pub fn update(&mut self) -> Round {
        self.round(|builder| builder)
    }

    /// Makes a Commit, merges it for both active members, and returns it for others.
    pub fn commit(&mut self, fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> Vec<u8> {
        let Self { committer, receiver, rng, .. } = self;
        let (message, _) = committer.commit(fill, rng);
        committer.group.merge_pending().unwrap().assume_persisted();
        let _ = receiver.process_commit(&message);
        message
    }

    /// Adds a member that stays inactive, with or without a path. The Welcome has no tree.
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

    /// Removes a member.
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

    /// Lets a newcomer join by an external Commit, with the tree out of band, and removes it again.
    /// `merge_own` is zero in the result. The committer processes the Commit, because it is farther
    /// away.
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
