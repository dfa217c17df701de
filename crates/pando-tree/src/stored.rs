//! Trees from what was stored of them: the nodes that [`Tree::changes_since`] tells of.
//!
//! What comes from one's own store is believed: neither keys nor hashes nor signatures are checked again.

use crate::TreeError;
use crate::content::{LeafBytes, ParentBytes};
use crate::import::{RUN, ReadNode, assemble};
use crate::subtree::{Kind, Subtree};
use crate::tree::Tree;
use pando_crypto::{Suite, parallel};
use pando_wire::{Decode, LeafNode, Node, NodeIndex, ParentNode, TreeSize};
use std::sync::Arc;

/// What a node is to hold: the encoding of a LeafNode or a ParentNode; `None` if it is to be blank.
pub type StoredNode<'a> = (NodeIndex, Option<&'a [u8]>);

impl Tree {
    /// The tree that was stored as these nodes.
    ///
    /// # Errors
    /// - [`TreeError::Decode`] if a node is malformed.
    /// - [`TreeError::TrailingParent`] if a parent is outside of the tree; [`TreeError::Empty`], [`TreeError::TooLarge`].
    pub fn restore<'a>(
        suite: Suite,
        nodes: impl IntoIterator<Item = (NodeIndex, &'a [u8])>,
    ) -> Result<Self, TreeError> {
        let mut nodes: Vec<_> = nodes.into_iter().collect();
        nodes.sort_unstable_by_key(|(node, _)| *node);
        let (last, _) = nodes.iter().rev().find(|(node, _)| node.is_leaf()).ok_or(TreeError::Empty)?;
        let leaves = last.leaf().and_then(|leaf| leaf.0.checked_add(1)).ok_or(TreeError::TooLarge)?;
        let size = TreeSize::with_leaves(leaves).ok_or(TreeError::TooLarge)?;
        if let Some((outside, _)) = nodes.last().filter(|(node, _)| node.0 >= size.node_count()) {
            return Err(TreeError::TrailingParent(*outside));
        }
        let runs: Vec<_> = nodes.chunks(RUN).collect();
        let read = parallel::map(&runs, |run| run.iter().map(read).collect::<Result<Vec<_>, TreeError>>());
        let mut nodes = Vec::with_capacity(nodes.len());
        for run in read {
            nodes.extend(run?);
        }
        Ok(assemble(suite, size, &nodes).0)
    }

    /// This tree with some of its nodes changed, in the order of their indices. What they have in common is
    /// shared.
    ///
    /// # Errors
    /// - [`TreeError::Decode`] if a node is malformed.
    /// - [`TreeError::Empty`] if no member is left, [`TreeError::TooLarge`].
    pub fn patched(&self, changes: &[StoredNode<'_>]) -> Result<Self, TreeError> {
        let mut tree = self.clone();
        let last = changes.iter().rev().find(|(_, bytes)| bytes.is_some());
        while last.is_some_and(|(node, _)| node.0 >= tree.size.node_count()) {
            tree.extend()?;
        }
        for (node, bytes) in changes {
            tree.index(*node, *bytes)?;
        }
        tree.root = patch(Some(&tree.root), tree.size.root(), changes);
        if tree.member_count() == 0 {
            return Err(TreeError::Empty);
        }
        tree.truncate();
        Ok(tree)
    }

    /// Replaces what the indexes know of a node.
    fn index(&mut self, node: NodeIndex, bytes: Option<&[u8]>) -> Result<(), TreeError> {
        let suite = self.suite;
        // The contents are shared with the tree as it was, so nothing is copied.
        let root = self.root.clone();
        let old = (node.0 < self.size.node_count()).then(|| root.find(self.size.root(), node)).flatten();
        if let Some(key) = old.and_then(Subtree::encryption_key) {
            self.encryption_keys.remove(suite, key, node);
        }
        if let Some(leaf) = old.and_then(Subtree::leaf_content) {
            self.signature_keys.remove(suite, leaf.signature_key(), node);
            leaf.decode().iter().for_each(|leaf_node| self.support.remove(leaf_node));
        }
        let Some(bytes) = bytes else { return Ok(()) };
        if node.is_leaf() {
            let leaf_node = LeafNode::decode(bytes)?;
            self.encryption_keys.insert(suite, &leaf_node.encryption_key, node);
            self.signature_keys.insert(suite, &leaf_node.signature_key, node);
            self.support.add(&leaf_node);
        } else {
            let parent = ParentNode::decode(bytes)?;
            self.encryption_keys.insert(suite, &parent.encryption_key, node);
        }
        Ok(())
    }
}

/// A node as it was stored.
fn read<'a>((at, bytes): &(NodeIndex, &'a [u8])) -> Result<ReadNode<'a>, TreeError> {
    let node = if at.is_leaf() {
        Node::Leaf(Box::new(LeafNode::decode(bytes)?))
    } else {
        Node::Parent(Box::new(ParentNode::decode(bytes)?))
    };
    Ok(ReadNode { at: *at, bytes, node })
}

/// The subtree at `at` with changes at or below it, in the order of their indices.
fn patch(old: Option<&Arc<Subtree>>, at: NodeIndex, changes: &[StoredNode<'_>]) -> Arc<Subtree> {
    if changes.is_empty() {
        return old.cloned().unwrap_or_else(|| Subtree::blank(at));
    }
    let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
        let bytes = changes.first().and_then(|(_, bytes)| *bytes);
        return bytes
            .map_or_else(|| Subtree::blank(at), |bytes| Subtree::leaf(at, LeafBytes::from_decoded(bytes)));
    };
    let (before, from_here) = changes.split_at(changes.partition_point(|(node, _)| *node < at));
    let (content, after) = match from_here.split_first() {
        Some(((node, bytes), after)) if *node == at => (bytes.map(ParentBytes::from_decoded), after),
        _ => (old.and_then(|old| old.parent_content()).cloned(), from_here),
    };
    let (left, right) = match old.map(|old| &old.kind) {
        Some(Kind::Parent { left, right, .. }) => (Some(left), Some(right)),
        _ => (None, None),
    };
    Subtree::parent(content, patch(left, left_at, before), patch(right, right_at, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_crypto::{CryptoProvider, RustCrypto};
    use pando_wire::{CipherSuite, DecodeError};

    #[test]
    fn what_is_no_tree_is_not_restored() {
        let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
        let restore = |nodes: &[(NodeIndex, &[u8])]| Tree::restore(suite, nodes.iter().copied()).err();
        assert_eq!(restore(&[]), Some(TreeError::Empty));
        assert_eq!(restore(&[(NodeIndex(0), &[1])]), Some(DecodeError::Truncated.into()));
        assert_eq!(restore(&[(NodeIndex(u32::MAX - 1), &[])]), Some(TreeError::TooLarge));
        assert_eq!(restore(&[(NodeIndex(u32::MAX), &[])]), Some(TreeError::Empty));
        // A parent beside a leaf that has none above it.
        let parent = restore(&[(NodeIndex(0), &[1]), (NodeIndex(1), &[0, 0, 0])]);
        assert_eq!(parent, Some(TreeError::TrailingParent(NodeIndex(1))));
        // A parent alone.
        assert_eq!(restore(&[(NodeIndex(1), &[0, 0, 0])]), Some(TreeError::Empty));
    }
}
