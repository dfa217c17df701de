//! What an operation has changed, as rows to be stored.
//!
//! The core never calls a store. Whoever keeps a group applies each [`Delta`], in one transaction with rows of
//! their own, **before** what the operation gave is sent or shown: then no key is used twice after a crash, and a
//! key that was used is gone from the disk. A row is O(1) in size but for what the protocol makes long; a message
//! changes O(1) of them, O(log N) if it is the first of its sender in the epoch, and a Commit O(log N).
//!
//! What an operation changed that has failed comes with the next Delta.

use pando_crypto::SecretBytes;
use pando_schedule::RatchetType;
use pando_wire::{LeafIndex, NodeIndex};
use std::collections::BTreeMap;

/// The key of a row. The order is that of storage: the rows of an epoch stand together, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// The GroupContext and what else everybody knows, the tree aside.
    Public,
    /// The epoch's secrets, the secret tree aside.
    Member,
    /// A node of the ratchet tree that is not blank: a LeafNode or a ParentNode.
    Node(NodeIndex),
    /// The private key of a node.
    PrivateKey(NodeIndex),
    /// Something of one epoch.
    Epoch(u64, EpochRow),
    /// The resumption PSK of a past epoch.
    ResumptionPsk(u64),
    /// A proposal that is pending, by its position.
    Proposal(u32),
    /// The key of an Update of one's own, by its position.
    OwnUpdate(u32),
    /// A proposal of one's own as it was sent, by its position.
    OwnProposal(u32),
    /// One's own Commit as it was sent, and the epoch that it leads to.
    PendingCommit,
}

/// A row of one epoch, the current one or a past one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EpochRow {
    /// The GroupContext of a past epoch, and its sender data secret.
    Past,
    /// A leaf as it was in a past epoch, where the next epoch has changed it.
    Leaf(LeafIndex),
    /// A secret of the secret tree from which others are still to be derived.
    Secret(NodeIndex),
    /// The next secret of a ratchet.
    Ratchet(LeafIndex, RatchetType),
    /// The key of a message that has been skipped, by its generation.
    MessageKey(LeafIndex, RatchetType, u32),
}

/// The rows of a group.
pub type Rows = BTreeMap<RowKey, SecretBytes>;

/// The rows to write and to delete after an operation.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "what is not stored is lost, and its keys may be used again"]
pub struct Delta {
    pub(crate) rows: BTreeMap<RowKey, Option<SecretBytes>>,
    pub(crate) forget_before: u64,
}

impl Delta {
    /// The rows to write, in the order of their keys.
    pub fn writes(&self) -> impl Iterator<Item = (RowKey, &[u8])> {
        self.rows.iter().filter_map(|(key, row)| Some((*key, row.as_ref()?.expose())))
    }

    /// The rows to delete, in the order of their keys. Some of them may not be there.
    pub fn deletes(&self) -> impl Iterator<Item = RowKey> {
        self.rows.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| *key)
    }

    /// Every [`RowKey::Epoch`] of an epoch before this one is to be deleted, too.
    #[must_use]
    pub const fn forget_before(&self) -> u64 {
        self.forget_before
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.forget_before == 0
    }

    /// Does to rows in memory what a store does to its own.
    pub fn apply(self, rows: &mut Rows) {
        let Self { rows: changes, forget_before } = self;
        rows.retain(|key, _| !matches!(key, RowKey::Epoch(epoch, _) if *epoch < forget_before));
        for (key, change) in changes {
            match change {
                Some(row) => drop(rows.insert(key, row)),
                None => drop(rows.remove(&key)),
            }
        }
    }
}
