//! The difference between two trees. Only nodes that the trees do not share are compared.

use crate::TreeError;
use crate::node_index::children_of;
use crate::subtree::{Kind, Subtree};
use crate::tree::Tree;
use pando_wire::NodeIndex;
use std::sync::Arc;

/// A node that differs between two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeChange<'a> {
    /// The index of the node.
    pub node: NodeIndex,
    /// The contents of the node in the newer tree, or `None` if the node is blank or no longer
    /// exists.
    pub content: Option<NodeContent<'a>>,
}

/// The contents of a node, in the encoding of the RFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeContent<'a> {
    /// An encoded LeafNode.
    Leaf(&'a [u8]),
    /// An encoded ParentNode.
    Parent(&'a [u8]),
}

impl<'a> NodeContent<'a> {
    /// Returns the encoded node.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Leaf(bytes) | Self::Parent(bytes) => bytes,
        }
    }
}

/// A node that two trees do not share. `None` stands for a node that does not exist, or for a blank
/// node with only blank nodes below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Differing<'a> {
    pub(crate) at: NodeIndex,
    pub(crate) old: Option<&'a Arc<Subtree>>,
    pub(crate) new: Option<&'a Arc<Subtree>>,
}

impl Tree {
    /// Returns the non-blank nodes in index order.
    ///
    /// # Errors
    /// Returns [`TreeError::Source`] or [`TreeError::Stored`] if a node cannot be loaded.
    pub fn nodes(&self) -> Result<Vec<NodeChange<'_>>, TreeError> {
        changes(&self.differing(None)?)
    }

    /// Returns the nodes whose contents differ from those in an older tree, in index order. The
    /// cost grows with the number of nodes that the two trees do not share.
    ///
    /// # Errors
    /// Returns the same errors as [`Tree::nodes`].
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> Result<Vec<NodeChange<'a>>, TreeError> {
        changes(&self.differing(Some(older))?)
    }

    /// Returns the nodes that are not shared with an older tree, in index order. Returns all nodes
    /// if there is no older tree.
    pub(crate) fn differing<'a>(&'a self, older: Option<&'a Self>) -> Result<Vec<Differing<'a>>, TreeError> {
        let mut found = Vec::new();
        // The root of the smaller tree is on the left spine of the larger one.
        let (mut new, mut new_at) = (Some(&self.root), self.size.root());
        let (mut old, mut old_at) =
            older.map_or((None, new_at), |older| (Some(&older.root), older.size.root()));
        // The following nodes, from the root down, exist only in the larger tree.
        while new_at.level() > old_at.level() {
            found.push(Differing { at: new_at, old: None, new });
            let (left, right, right_at);
            ((left, new_at), (right, right_at)) = children(new, new_at)?;
            new = left;
            compare(right_at, None, right, &mut found)?;
        }
        while old_at.level() > new_at.level() {
            found.push(Differing { at: old_at, old, new: None });
            let (left, right, right_at);
            ((left, old_at), (right, right_at)) = children(old, old_at)?;
            old = left;
            compare(right_at, right, None, &mut found)?;
        }
        compare(new_at, old, new, &mut found)?;
        found.sort_unstable_by_key(|differing| differing.at);
        Ok(found)
    }
}

/// Returns those of the differing nodes whose contents have changed.
fn changes<'a>(differing: &[Differing<'a>]) -> Result<Vec<NodeChange<'a>>, TreeError> {
    let mut changes = Vec::new();
    for &Differing { at, old, new } in differing {
        let (old, new) = (content(old)?, content(new)?);
        if old != new {
            changes.push(NodeChange { node: at, content: new });
        }
    }
    Ok(changes)
}

/// A node with its index.
type Placed<'a> = (Option<&'a Arc<Subtree>>, NodeIndex);

fn children(node: Option<&Arc<Subtree>>, at: NodeIndex) -> Result<(Placed<'_>, Placed<'_>), TreeError> {
    let (left_at, right_at) = children_of(at);
    Ok(match node.map(|node| node.kind()).transpose()? {
        Some(Kind::Parent { left, right, .. }) => ((Some(left), left_at), (Some(right), right_at)),
        _ => ((None, left_at), (None, right_at)),
    })
}

fn content(node: Option<&Arc<Subtree>>) -> Result<Option<NodeContent<'_>>, TreeError> {
    Ok(match node.map(|node| node.kind()).transpose()? {
        Some(Kind::Leaf(content)) => Some(NodeContent::Leaf(content.as_bytes())),
        Some(Kind::Parent { content: Some(content), .. }) => Some(NodeContent::Parent(content.as_bytes())),
        Some(Kind::Parent { content: None, .. } | Kind::Blank(_)) | None => None,
    })
}

/// Compares the subtrees of two trees at the same index.
fn compare<'a>(
    at: NodeIndex,
    old: Option<&'a Arc<Subtree>>,
    new: Option<&'a Arc<Subtree>>,
    found: &mut Vec<Differing<'a>>,
) -> Result<(), TreeError> {
    let is_blank = |node: Option<&Arc<Subtree>>| node.is_none_or(|node| node.summary.members == 0);
    let is_shared = matches!((old, new), (Some(old), Some(new)) if Arc::ptr_eq(old, new));
    if is_shared || is_blank(old) && is_blank(new) {
        return Ok(());
    }
    found.push(Differing { at, old, new });
    if !at.is_leaf() {
        let ((old_left, left_at), (old_right, right_at)) = children(old, at)?;
        let ((new_left, _), (new_right, _)) = children(new, at)?;
        compare(left_at, old_left, new_left, found)?;
        compare(right_at, old_right, new_right, found)?;
    }
    Ok(())
}
