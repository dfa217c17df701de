//! The members of the past epochs whose late messages can still be decrypted. Instead of whole
//! trees, only the leaves that the next epoch changed are kept.

use pando_tree::{Tree, TreeError};
use pando_wire::{Decode, LeafIndex, LeafNode, Opaque, TreeSize};
use std::collections::{BTreeMap, VecDeque};

/// Encoded leaves of a past epoch, with `None` for a blank leaf.
pub(crate) type Leaves = BTreeMap<LeafIndex, Option<Opaque>>;

/// Past epochs, the newest last. There is no gap between these epochs and the current epoch.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Past>);

/// The differences between a past epoch and the next one.
#[derive(Debug)]
struct Past {
    epoch: u64,
    size: TreeSize,
    leaves: Leaves,
}

/// Returns the leaves of the tree `old` that are different in `new`, the tree of the next epoch.
pub(crate) fn replaced_leaves(old: &Tree, new: &Tree) -> Result<Leaves, TreeError> {
    // Compute the changes that lead from the new tree to the old one, because they contain the old
    // leaves.
    let changes = old.changes_since(new)?.into_iter();
    let leaves = changes.filter_map(|change| Some((change.node.leaf()?, change.content)));
    let within = leaves.filter(|(leaf, _)| leaf.0 < old.size().leaf_count());
    Ok(within.map(|(leaf, content)| (leaf, content.map(|content| content.bytes().into()))).collect())
}

impl History {
    /// Adds the epoch that has just ended, with the size of its tree.
    pub(crate) fn push(&mut self, epoch: u64, size: TreeSize, leaves: Leaves) {
        self.0.push_back(Past { epoch, size, leaves });
    }

    /// Forgets the oldest epoch.
    pub(crate) fn pop(&mut self) {
        self.0.pop_front();
    }

    /// Returns a member's leaf in a past epoch, or `None` if the epoch is not kept or the leaf was
    /// blank. `current` is the tree of the current epoch.
    pub(crate) fn leaf(
        &self,
        epoch: u64,
        leaf: LeafIndex,
        current: &Tree,
    ) -> Result<Option<LeafNode>, TreeError> {
        if !self.0.iter().any(|past| past.epoch == epoch) {
            return Ok(None);
        }
        for past in self.0.iter().filter(|past| past.epoch >= epoch) {
            if leaf.0 >= past.size.leaf_count() {
                return Ok(None);
            }
            if let Some(was) = past.leaves.get(&leaf) {
                return Ok(was.as_deref().map(LeafNode::decode).transpose()?);
            }
        }
        current.leaf(leaf)
    }

    /// Returns the members of a past epoch, or `None` if the epoch is not kept.
    pub(crate) fn members<'a>(
        &'a self,
        epoch: u64,
        current: &'a Tree,
    ) -> Option<impl Iterator<Item = Result<LeafNode, TreeError>> + 'a> {
        let size = self.0.iter().find(|past| past.epoch == epoch)?.size;
        let leaf = move |leaf| self.leaf(epoch, LeafIndex(leaf), current).transpose();
        Some((0..size.leaf_count()).filter_map(leaf))
    }

    /// Returns all kept leaves with their epochs.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (u64, LeafIndex, Option<&Opaque>)> {
        self.0
            .iter()
            .flat_map(|past| past.leaves.iter().map(|(leaf, encoded)| (past.epoch, *leaf, encoded.as_ref())))
    }
}
