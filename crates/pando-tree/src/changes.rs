//! What differs between two trees, found by where they stopped sharing nodes: what has to be stored.

use crate::subtree::{Kind, Subtree};
use crate::tree::Tree;
use pando_wire::NodeIndex;
use std::sync::Arc;

/// A node that differs between two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeChange<'a> {
    /// The node.
    pub node: NodeIndex,
    /// What it holds in the newer tree; `None` if it is blank or no longer there.
    pub content: Option<NodeContent<'a>>,
}

/// What a node holds, encoded as in the RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeContent<'a> {
    /// A LeafNode.
    Leaf(&'a [u8]),
    /// A ParentNode.
    Parent(&'a [u8]),
}

impl<'a> NodeContent<'a> {
    /// The encoding.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Leaf(bytes) | Self::Parent(bytes) => bytes,
        }
    }
}

impl Tree {
    /// The nodes that are not blank, in the order of their indices.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeChange<'_>> {
        let mut nodes = Vec::new();
        compare(self.size.root(), None, Some(&self.root), &mut nodes);
        nodes.sort_unstable_by_key(|change| change.node);
        nodes
    }

    /// The nodes whose contents are not what they were in an older tree, in the order of their indices.
    /// Costs as much as differs, and not what both trees have in common.
    #[must_use]
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> Vec<NodeChange<'a>> {
        let mut changes = Vec::new();
        // The part that both trees have: the one is the left spine of the other.
        let (mut new, mut new_at) = (Some(&self.root), self.size.root());
        let (mut old, mut old_at) = (Some(&older.root), older.size.root());
        // What the larger tree has beyond that, from its root down.
        while new_at.level() > old_at.level() {
            step_down(&mut new, &mut new_at, |node, at, right, right_at| {
                added(at, node.and_then(content), &mut changes);
                compare(right_at, None, right, &mut changes);
            });
        }
        while old_at.level() > new_at.level() {
            step_down(&mut old, &mut old_at, |node, at, right, right_at| {
                if node.and_then(content).is_some() {
                    changes.push(NodeChange { node: at, content: None });
                }
                compare(right_at, right, None, &mut changes);
            });
        }
        compare(new_at, old, new, &mut changes);
        changes.sort_by_key(|change| change.node);
        changes
    }
}

/// Goes to the left child, and tells of the node and its right child.
fn step_down<'a>(
    node: &mut Option<&'a Arc<Subtree>>,
    at: &mut NodeIndex,
    tell: impl FnOnce(Option<&'a Arc<Subtree>>, NodeIndex, Option<&'a Arc<Subtree>>, NodeIndex),
) {
    // Only called for nodes above others.
    let (left_at, right_at) = (at.left().unwrap_or(*at), at.right().unwrap_or(*at));
    let (left, right) = children(*node);
    tell(*node, *at, right, right_at);
    (*node, *at) = (left, left_at);
}

fn children(node: Option<&Arc<Subtree>>) -> (Option<&Arc<Subtree>>, Option<&Arc<Subtree>>) {
    match node.map(|node| &node.kind) {
        Some(Kind::Parent { left, right, .. }) => (Some(left), Some(right)),
        _ => (None, None),
    }
}

fn content(node: &Arc<Subtree>) -> Option<NodeContent<'_>> {
    match &node.kind {
        Kind::Leaf(content) => Some(NodeContent::Leaf(content.as_bytes())),
        Kind::Parent { content, .. } => {
            content.as_ref().map(|content| NodeContent::Parent(content.as_bytes()))
        }
        Kind::Blank => None,
    }
}

fn added<'a>(node: NodeIndex, content: Option<NodeContent<'a>>, changes: &mut Vec<NodeChange<'a>>) {
    if content.is_some() {
        changes.push(NodeChange { node, content });
    }
}

/// Compares two subtrees in the same place; `None` is one that is all blank.
fn compare<'a>(
    at: NodeIndex,
    old: Option<&'a Arc<Subtree>>,
    new: Option<&'a Arc<Subtree>>,
    changes: &mut Vec<NodeChange<'a>>,
) {
    match (old, new) {
        (None, None) => return,
        (Some(old), Some(new)) if Arc::ptr_eq(old, new) => return,
        _ => {}
    }
    let (old_content, new_content) = (old.and_then(content), new.and_then(content));
    if old_content != new_content {
        changes.push(NodeChange { node: at, content: new_content });
    }
    if let (Some(left_at), Some(right_at)) = (at.left(), at.right()) {
        let ((old_left, old_right), (new_left, new_right)) = (children(old), children(new));
        compare(left_at, old_left, new_left, changes);
        compare(right_at, old_right, new_right, changes);
    }
}
