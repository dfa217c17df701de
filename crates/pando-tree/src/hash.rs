//! Tree hashes (RFC 9420, section 7.8).

use crate::TreeError;
use crate::content::ParentBytes;
use crate::node_hash::{NodeHash, leaf_hash, parent_hash};
use crate::node_index::{children_of, first_leaf};
use crate::parallelism::join;
use crate::subtree::{Kind, Subtree};
use pando_crypto::Suite;
use pando_wire::{EncodeError, LeafIndex, NodeIndex};

/// Computes the tree hash of a subtree and caches it in its node.
pub(crate) fn tree_hash(suite: Suite, at: NodeIndex, subtree: &Subtree) -> Result<NodeHash, TreeError> {
    if let Some(hash) = subtree.hash.get() {
        return Ok(hash.clone());
    }
    let hash = match subtree.kind()? {
        Kind::Leaf(leaf) => leaf_hash(suite, at, Some(leaf.as_bytes())),
        Kind::Blank(_) => blank_hash(suite, at)?,
        Kind::Parent { content, left, right } => {
            let (left_at, right_at) = children_of(at);
            // After a change, the hash of one child is usually cached, so a second thread would be
            // idle.
            let one_is_known = left.hash.get().is_some() || right.hash.get().is_some();
            let (left, right) = if one_is_known {
                (tree_hash(suite, left_at, left)?, tree_hash(suite, right_at, right)?)
            } else {
                both(at, |at| tree_hash(suite, at, left), |at| tree_hash(suite, at, right))?
            };
            parent_hash(suite, content.as_ref().map(ParentBytes::as_bytes), &left, &right)?
        }
    };
    // If another thread has stored its result first, both results are equal.
    let _ = subtree.hash.set(hash.clone());
    Ok(hash)
}

/// Computes the tree hash of a subtree in which some leaves are treated as blank and as absent from
/// all lists of unmerged leaves. Parent hashes require this (section 7.9). `removed` contains
/// leaves of the subtree in increasing order.
pub(crate) fn tree_hash_without(
    suite: Suite,
    at: NodeIndex,
    subtree: &Subtree,
    removed: &[LeafIndex],
) -> Result<NodeHash, TreeError> {
    if removed.is_empty() {
        return tree_hash(suite, at, subtree);
    }
    // The leaf counts as removed, so its contents do not matter.
    if at.is_leaf() {
        return Ok(leaf_hash(suite, at, None));
    }
    match subtree.kind()? {
        Kind::Blank(_) | Kind::Leaf(_) => tree_hash(suite, at, subtree),
        Kind::Parent { content, left, right } => {
            let middle = at.right().map_or(LeafIndex(u32::MAX), first_leaf);
            let (below_left, below_right) = removed.split_at(removed.partition_point(|leaf| *leaf < middle));
            let (left, right) = both(
                at,
                |child| tree_hash_without(suite, child, left, below_left),
                |child| tree_hash_without(suite, child, right, below_right),
            )?;
            let content = content.as_ref().map(|content| content.without_unmerged(removed)).transpose()?;
            Ok(parent_hash(suite, content.as_ref().map(ParentBytes::as_bytes), &left, &right)?)
        }
    }
}

/// Computes the tree hash of a subtree that is entirely blank.
fn blank_hash(suite: Suite, at: NodeIndex) -> Result<NodeHash, EncodeError> {
    if at.is_leaf() {
        return Ok(leaf_hash(suite, at, None));
    }
    let (left, right) = both(at, |child| blank_hash(suite, child), |child| blank_hash(suite, child))?;
    parent_hash(suite, None, &left, &right)
}

/// Computes the tree hashes of both children, on two threads if the subtree is large enough.
fn both<E: Send>(
    at: NodeIndex,
    left: impl FnOnce(NodeIndex) -> Result<NodeHash, E> + Send,
    right: impl FnOnce(NodeIndex) -> Result<NodeHash, E> + Send,
) -> Result<(NodeHash, NodeHash), E> {
    let (left_at, right_at) = children_of(at);
    let (left, right) = join(at.level(), || left(left_at), || right(right_at));
    Ok((left?, right?))
}
