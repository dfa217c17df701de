//! Summaries of subtrees. Each subtree's root contains its summary.

use crate::content::ParentBytes;
use crate::node_index::first_leaf;
use pando_wire::{LeafIndex, NodeIndex};

/// The summary of a subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Number of non-blank leaves.
    pub(crate) members: u32,
    /// The length of the resolution (section 4.1.1).
    pub(crate) resolution: u32,
    /// The leftmost blank leaf, or [`NO_LEAF`].
    pub(crate) first_blank: LeafIndex,
    /// The rightmost non-blank leaf, or [`NO_LEAF`].
    pub(crate) last_member: LeafIndex,
}

/// A value that stands for "no leaf", because no tree is large enough to have a leaf with this
/// index.
pub(crate) const NO_LEAF: LeafIndex = LeafIndex(u32::MAX);

impl Summary {
    /// Summarizes a subtree that is entirely blank.
    pub(crate) const fn blank(at: NodeIndex) -> Self {
        Self { members: 0, resolution: 0, first_blank: first_leaf(at), last_member: NO_LEAF }
    }

    /// Summarizes a non-blank leaf.
    pub(crate) const fn leaf(at: NodeIndex) -> Self {
        Self { members: 1, resolution: 1, first_blank: NO_LEAF, last_member: first_leaf(at) }
    }

    /// Summarizes a parent with these children.
    pub(crate) fn of_parent(content: Option<&ParentBytes>, left: Self, right: Self) -> Self {
        // A tree has at most 2^30 leaves, so these sums stay far below 2^32.
        let children = left.resolution.saturating_add(right.resolution);
        Self {
            members: left.members.saturating_add(right.members),
            resolution: content.map_or(children, |content| content.unmerged_count().saturating_add(1)),
            first_blank: left.first_blank.min(right.first_blank),
            last_member: if right.members > 0 { right.last_member } else { left.last_member },
        }
    }
}
