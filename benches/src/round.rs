//! Timed Commits. The measurement of a Commit begins with creating it and ends when both active
//! members have entered its epoch. After each Commit, both members must agree on the secrets.

use crate::heap;
use crate::large_group::{LargeGroup, Member, timed, written};
use pando_mls::{CommitBuilder, LeafIndex};
use std::time::Duration;

/// The measurements of one Commit.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// The time to create the Commit, including encoding.
    pub create: Duration,
    /// The time that the committer needs to merge the Commit.
    pub merge_own: Duration,
    /// The time that the receiver needs to process the Commit, including decoding and merging.
    pub process: Duration,
    /// The size of the message in bytes.
    pub message_bytes: usize,
    /// The number of bytes that the receiver must store.
    pub written_bytes: usize,
    /// The peak of the receiver's memory use while it processes the Commit, relative to its memory
    /// use before.
    pub peak_bytes: usize,
}

impl LargeGroup {
    /// Creates and processes a Commit without proposals, which gives the committer new keys.
    pub fn update(&mut self) -> Round {
        self.round(|builder| builder)
    }

    /// Creates a Commit and merges it for both active members. Returns the Commit so that other
    /// members can process it.
    pub fn commit(&mut self, fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> Vec<u8> {
        let Self { committer, receiver, rng, .. } = self;
        let (message, _) = committer.commit(fill, rng);
        committer.group.merge_pending().unwrap().assume_persisted();
        let _ = receiver.process_commit(&message);
        message
    }

    /// Adds a member that stays inactive, by a Commit with or without a path. The Welcome does not
    /// contain the tree.
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

    /// Removes the member at a leaf.
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

    /// Makes a newcomer join by an external Commit, with the tree out of band, and removes it
    /// again. The processing is measured for the committer, because it is farther away from the
    /// newcomer. In the result, `merge_own` is zero.
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
