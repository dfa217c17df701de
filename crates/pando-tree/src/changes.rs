//! What differs between two trees, found by where they stopped sharing nodes: what has to be stored.

use crate::node_index::children_of;
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

/// A node that two trees do not share; `None` where it is blank, with everything below, or does not exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Differing<'a> {
    pub(crate) at: NodeIndex,
    pub(crate) old: Option<&'a Arc<Subtree>>,
    pub(crate) new: Option<&'a Arc<Subtree>>,
}

impl Tree {
    /// The nodes that are not blank, in the order of their indices.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeChange<'_>> {
        changes(&self.differing(None))
    }

    /// The nodes whose contents are not what they were in an older tree, in the order of their indices.
    /// Costs as much as differs, and not what both trees have in common.
    #[must_use]
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> Vec<NodeChange<'a>> {
        changes(&self.differing(Some(older)))
    }

    /// The nodes that are not shared with an older tree, in the order of their indices; all nodes if there is none.
    pub(crate) fn differing<'a>(&'a self, older: Option<&'a Self>) -> Vec<Differing<'a>> {
        let mut found = Vec::new();
        // The part that both trees have: the one is the left spine of the other.
        let (mut new, mut new_at) = (Some(&self.root), self.size.root());
        let (mut old, mut old_at) =
            older.map_or((None, new_at), |older| (Some(&older.root), older.size.root()));
        // What the larger tree has beyond that, from its root down.
        while new_at.level() > old_at.level() {
            found.push(Differing { at: new_at, old: None, new });
            let (left, right, right_at);
            ((left, new_at), (right, right_at)) = children(new, new_at);
            new = left;
            compare(right_at, None, right, &mut found);
        }
        while old_at.level() > new_at.level() {
            found.push(Differing { at: old_at, old, new: None });
            let (left, right, right_at);
            ((left, old_at), (right, right_at)) = children(old, old_at);
            old = left;
            compare(right_at, right, None, &mut found);
        }
        compare(new_at, old, new, &mut found);
        found.sort_unstable_by_key(|differing| differing.at);
        found
    }
}

/// Those of which the contents differ.
fn changes<'a>(differing: &[Differing<'a>]) -> Vec<NodeChange<'a>> {
    let changes = differing.iter().filter_map(|Differing { at, old, new }| {
        let (old, new) = (old.and_then(content), new.and_then(content));
        (old != new).then_some(NodeChange { node: *at, content: new })
    });
    changes.collect()
}

/// A node with its index.
type Placed<'a> = (Option<&'a Arc<Subtree>>, NodeIndex);

fn children<'a>(node: Option<&'a Arc<Subtree>>, at: NodeIndex) -> (Placed<'a>, Placed<'a>) {
    let (left_at, right_at) = children_of(at);
    match node.map(|node| node.kind()) {
        Some(Kind::Parent { left, right, .. }) => ((Some(left), left_at), (Some(right), right_at)),
        _ => ((None, left_at), (None, right_at)),
    }
}

fn content(node: &Arc<Subtree>) -> Option<NodeContent<'_>> {
    match node.kind() {
        Kind::Leaf(content) => Some(NodeContent::Leaf(content.as_bytes())),
        Kind::Parent { content, .. } => {
            content.as_ref().map(|content| NodeContent::Parent(content.as_bytes()))
        }
        Kind::Blank(_) => None,
    }
}

/// Compares two subtrees in the same place.
fn compare<'a>(
    at: NodeIndex,
    old: Option<&'a Arc<Subtree>>,
    new: Option<&'a Arc<Subtree>>,
    found: &mut Vec<Differing<'a>>,
) {
    let is_blank = |node: Option<&Arc<Subtree>>| node.is_none_or(|node| node.summary.members == 0);
    let is_shared = matches!((old, new), (Some(old), Some(new)) if Arc::ptr_eq(old, new));
    if is_shared || is_blank(old) && is_blank(new) {
        return;
    }
    found.push(Differing { at, old, new });
    if !at.is_leaf() {
        let ((old_left, left_at), (old_right, right_at)) = children(old, at);
        let ((new_left, _), (new_right, _)) = children(new, at);
        compare(left_at, old_left, new_left, found);
        compare(right_at, old_right, new_right, found);
    }
}
