//! Leaves that a Commit adds, removes and replaces.

use crate::Violation;
use crate::identity::{Identities, IdentityPolicy};
use crate::rules::leaf_node;
use crate::state::history::Leaves;
use pando_tree::{Tree, TreeError};
use pando_wire::{Decode, LeafIndex, LeafNode};
use std::collections::BTreeSet;

/// A change of a leaf by a Commit. If the same Commit removes the member at a leaf and adds another
/// member there, the leaf has two changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeafChange {
    /// A member is removed.
    Removed {
        /// The leaf's index before the Commit.
        leaf: LeafIndex,
        /// The leaf before the Commit.
        old: Box<LeafNode>,
    },
    /// A member's leaf node is replaced by an Update or by the path of the member's own Commit.
    Updated {
        /// The leaf's index.
        leaf: LeafIndex,
        /// The leaf node before the Commit.
        old: Box<LeafNode>,
        /// The leaf node after the Commit.
        new: Box<LeafNode>,
    },
    /// A member is added by an Add or by its own external Commit.
    Added {
        /// The leaf's index after the Commit.
        leaf: LeafIndex,
        /// The leaf node after the Commit.
        new: Box<LeafNode>,
    },
}

impl LeafChange {
    /// Returns the index of the leaf.
    #[must_use]
    pub const fn leaf(&self) -> LeafIndex {
        match self {
            Self::Removed { leaf, .. } | Self::Updated { leaf, .. } | Self::Added { leaf, .. } => *leaf,
        }
    }

    /// Returns the leaf node after the Commit, or `None` if the member is removed.
    #[must_use]
    pub fn new_leaf(&self) -> Option<&LeafNode> {
        match self {
            Self::Removed { .. } => None,
            Self::Updated { new, .. } | Self::Added { new, .. } => Some(new),
        }
    }

    /// Returns whether a remaining member changes its credential or its signature key.
    #[must_use]
    pub fn changes_identity(&self) -> bool {
        match self {
            Self::Updated { old, new, .. } => {
                old.credential != new.credential || old.signature_key != new.signature_key
            }
            Self::Removed { .. } | Self::Added { .. } => false,
        }
    }
}

/// Returns the changes of leaves between two trees. Removals come first, followed by replacements
/// and additions, each in increasing order of leaves. `replaced` contains the leaves of the old
/// tree that differ in `new`.
pub(crate) fn leaf_changes(
    replaced: &Leaves,
    removed: &[LeafIndex],
    added: &[LeafIndex],
    new: &Tree,
) -> Result<Vec<LeafChange>, TreeError> {
    let (removed, added): (BTreeSet<_>, BTreeSet<_>) =
        (removed.iter().copied().collect(), added.iter().copied().collect());
    let after = |leaf: LeafIndex| new.leaf(leaf)?.map(Box::new).ok_or(TreeError::NotAMember(leaf));
    let before = |leaf: LeafIndex| match replaced.get(&leaf) {
        Some(encoded) => encoded
            .as_deref()
            .and_then(|encoded| LeafNode::decode(encoded).ok())
            .map(Box::new)
            .ok_or(TreeError::NotAMember(leaf)),
        // The leaf was removed, and then added again unchanged.
        None => after(leaf),
    };
    let mut changes = Vec::new();
    for leaf in &removed {
        changes.push(LeafChange::Removed { leaf: *leaf, old: before(*leaf)? });
    }
    for leaf in replaced.keys().filter(|leaf| !removed.contains(leaf) && !added.contains(leaf)) {
        changes.push(LeafChange::Updated { leaf: *leaf, old: before(*leaf)?, new: after(*leaf)? });
    }
    for leaf in &added {
        changes.push(LeafChange::Added { leaf: *leaf, new: after(*leaf)? });
    }
    Ok(changes)
}

/// Returns the added or replaced leaves that are not valid at `now`, in seconds since 1970.
pub(crate) fn invalid_at(
    changes: &[LeafChange],
    now: u64,
    policy: &dyn IdentityPolicy,
) -> Vec<(LeafIndex, Violation)> {
    let identities = Identities { policy, now: Some(now) };
    let new = changes.iter().filter_map(|change| Some((change.leaf(), change.new_leaf()?)));
    let invalid = new.filter_map(|(leaf, leaf_node)| {
        let alive = leaf_node::is_alive(leaf_node, Some(now));
        let valid = alive.and_then(|()| leaf_node::credential_is_valid(leaf_node, identities));
        Some((leaf, valid.err()?))
    });
    invalid.collect()
}
