//! Who was a member in the epochs that are over and whose late messages can still be read: the leaves that the
//! next epoch has changed, and not the trees.

use pando_tree::{Tree, TreeError};
use pando_wire::{Decode, LeafIndex, LeafNode, Opaque, TreeSize};
use std::collections::{BTreeMap, VecDeque};

/// Leaves as they were, encoded; `None` for one that was blank.
pub(crate) type Leaves = BTreeMap<LeafIndex, Option<Opaque>>;

/// The past, the newest epoch last. There is no gap between these epochs, nor to the current one.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Past>);

/// What is different in an epoch from the next one.
#[derive(Debug)]
struct Past {
    epoch: u64,
    size: TreeSize,
    leaves: Leaves,
}

/// The leaves of a tree that another tree, that of the next epoch, has changed.
pub(crate) fn replaced_leaves(old: &Tree, new: &Tree) -> Result<Leaves, TreeError> {
    // Seen from the new tree, the old one is the one that has changed.
    let changes = old.changes_since(new)?.into_iter();
    let leaves = changes.filter_map(|change| Some((change.node.leaf()?, change.content)));
    let within = leaves.filter(|(leaf, _)| leaf.0 < old.size().leaf_count());
    Ok(within.map(|(leaf, content)| (leaf, content.map(|content| content.bytes().into()))).collect())
}

impl History {
    /// The epoch that has just ended, whose tree had this size.
    pub(crate) fn push(&mut self, epoch: u64, size: TreeSize, leaves: Leaves) {
        self.0.push_back(Past { epoch, size, leaves });
    }

    /// Forgets the oldest epoch.
    pub(crate) fn pop(&mut self) {
        self.0.pop_front();
    }

    /// A leaf as it was in a past epoch, if that is remembered and there was a member. `current` is the tree of
    /// the current epoch.
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

    /// The members of a past epoch.
    pub(crate) fn members<'a>(
        &'a self,
        epoch: u64,
        current: &'a Tree,
    ) -> Option<impl Iterator<Item = Result<LeafNode, TreeError>> + 'a> {
        let size = self.0.iter().find(|past| past.epoch == epoch)?.size;
        let leaf = move |leaf| self.leaf(epoch, LeafIndex(leaf), current).transpose();
        Some((0..size.leaf_count()).filter_map(leaf))
    }

    /// All leaves that are remembered, with their epochs.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (u64, LeafIndex, Option<&Opaque>)> {
        self.0
            .iter()
            .flat_map(|past| past.leaves.iter().map(|(leaf, encoded)| (past.epoch, *leaf, encoded.as_ref())))
    }
}
