//! The nodes of a persistent tree.
//!
//! A node does not know its place: who goes down from the root knows it. Nodes are shared between trees and
//! change only while one tree alone has them.

use crate::TreeError;
use crate::content::{LeafBytes, ParentBytes};
use crate::loader::Loader;
use crate::node_hash::NodeHash;
use crate::node_index::{children_of, first_leaf};
use crate::row::{ChildRow, NodeRow};
use crate::summary::Summary;
use crate::tree_key::TreeKey;
use pando_wire::{EncodeError, LeafIndex, NodeIndex};
use std::sync::{Arc, OnceLock};

/// A node with everything below it.
#[derive(Debug)]
pub(crate) struct Subtree {
    /// The tree hash, once it was needed.
    pub(crate) hash: OnceLock<NodeHash>,
    pub(crate) summary: Summary,
    body: Body,
}

/// What a node is made of, or where that is to be had.
#[derive(Debug)]
enum Body {
    Here(Kind),
    Stored(Box<Stored>),
}

/// A node of which only the summary and the hash are known, until somebody looks.
#[derive(Debug)]
struct Stored {
    loader: Arc<Loader>,
    at: NodeIndex,
    kind: OnceLock<Kind>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A blank leaf, or a parent below which everything is blank. Such a parent has no children yet: they
    /// are made when something is put there, and kept for the next who tries with another clone of the tree, with the
    /// hashes that they have got.
    Blank(OnceLock<(Arc<Subtree>, Arc<Subtree>)>),
    Leaf(LeafBytes),
    Parent {
        /// `None` if the parent itself is blank.
        content: Option<ParentBytes>,
        left: Arc<Subtree>,
        right: Arc<Subtree>,
    },
}

impl Kind {
    /// Nothing but blanks.
    pub(crate) const fn blank() -> Self {
        Self::Blank(OnceLock::new())
    }

    /// Loads the contents of the node at `at`. Its children are loaded on demand.
    pub(crate) fn load(at: NodeIndex, loader: &Arc<Loader>) -> Result<Self, TreeError> {
        let bytes = loader.row(TreeKey::Node(at))?;
        Ok(match NodeRow::read(at, &bytes)? {
            NodeRow::Leaf(leaf) => Self::Leaf(LeafBytes::from_decoded(leaf)),
            NodeRow::Parent { content, left, right } => {
                let (left_at, right_at) = children_of(at);
                Self::Parent {
                    content: content.map(ParentBytes::from_decoded),
                    left: Subtree::stored(left_at, left, loader),
                    right: Subtree::stored(right_at, right, loader),
                }
            }
        })
    }

    /// Loads the contents of the node at `at`; blank if that fails, which the loader remembers.
    fn load_or_blank(at: NodeIndex, loader: &Arc<Loader>) -> Self {
        Self::load(at, loader).unwrap_or_else(|failure| {
            loader.fail(failure);
            Self::blank()
        })
    }
}

impl Subtree {
    /// The node at `at`, with nothing but blanks below.
    pub(crate) fn blank(at: NodeIndex) -> Arc<Self> {
        Self::new(Summary::blank(at), Kind::blank())
    }

    /// The leaf at `at`.
    pub(crate) fn leaf(at: NodeIndex, leaf: LeafBytes) -> Arc<Self> {
        Self::new(Summary::leaf(at), Kind::Leaf(leaf))
    }

    /// A parent of two subtrees.
    pub(crate) fn parent(content: Option<ParentBytes>, left: Arc<Self>, right: Arc<Self>) -> Arc<Self> {
        let summary = Summary::of_parent(content.as_ref(), left.summary, right.summary);
        Self::new(summary, Kind::Parent { content, left, right })
    }

    /// The node at `at` that is this.
    pub(crate) fn of_kind(at: NodeIndex, kind: Kind) -> Arc<Self> {
        match kind {
            Kind::Blank(_) => Self::blank(at),
            Kind::Leaf(leaf) => Self::leaf(at, leaf),
            Kind::Parent { content, left, right } => Self::parent(content, left, right),
        }
    }

    /// Returns the node at `at` with nothing but blanks below and, for a parent, a hash that is known.
    pub(crate) fn blank_with_hash(at: NodeIndex, hash: Option<NodeHash>) -> Arc<Self> {
        let blank = Self::blank(at);
        if let Some(hash) = hash {
            // The node is new and has no hash yet.
            let _ = blank.hash.set(hash);
        }
        blank
    }

    /// Returns the node at `at`, of which only the part of its parent's row is known. Its contents are loaded on demand.
    fn stored(at: NodeIndex, row: ChildRow, loader: &Arc<Loader>) -> Arc<Self> {
        let ChildRow { summary, hash } = row;
        if summary.members == 0 {
            return Self::blank_with_hash(at, hash);
        }
        let stored = Stored { loader: loader.clone(), at, kind: OnceLock::new() };
        let hash = hash.map_or_else(OnceLock::new, OnceLock::from);
        Arc::new(Self { hash, summary, body: Body::Stored(Box::new(stored)) })
    }

    fn new(summary: Summary, kind: Kind) -> Arc<Self> {
        #[cfg(test)]
        crate::counters::NODES_ALLOCATED.count();
        Arc::new(Self { hash: OnceLock::new(), summary, body: Body::Here(kind) })
    }

    /// What the node is. If that is stored and cannot be read, the node seems blank, and the [`Loader`] knows.
    pub(crate) fn kind(&self) -> &Kind {
        match &self.body {
            Body::Here(kind) => kind,
            Body::Stored(stored) => {
                let load = || Kind::load_or_blank(stored.at, &stored.loader);
                stored.kind.get_or_init(load)
            }
        }
    }

    /// Takes out what the node is, and leaves it blank.
    fn take_kind(&mut self) -> Kind {
        match std::mem::replace(&mut self.body, Body::Here(Kind::blank())) {
            Body::Here(kind) => kind,
            Body::Stored(stored) => {
                let Stored { loader, at, kind } = *stored;
                kind.into_inner().unwrap_or_else(|| Kind::load_or_blank(at, &loader))
            }
        }
    }

    /// The children, made up if they do not exist yet. `None` for a leaf.
    pub(crate) fn children(&self, at: NodeIndex) -> Option<(Arc<Self>, Arc<Self>)> {
        match self.kind() {
            Kind::Parent { left, right, .. } => Some((left.clone(), right.clone())),
            Kind::Blank(children) => {
                let (left, right) = (at.left()?, at.right()?);
                Some(children.get_or_init(|| (Self::blank(left), Self::blank(right))).clone())
            }
            Kind::Leaf(_) => None,
        }
    }

    /// The contents, if this is a parent that is not blank.
    pub(crate) fn parent_content(&self) -> Option<&ParentBytes> {
        match self.kind() {
            Kind::Parent { content: Some(content), .. } => Some(content),
            _ => None,
        }
    }

    /// The contents, if this is a leaf that is not blank.
    pub(crate) fn leaf_content(&self) -> Option<&LeafBytes> {
        match self.kind() {
            Kind::Leaf(content) => Some(content),
            _ => None,
        }
    }

    /// The encryption key, if this node is not blank.
    pub(crate) fn encryption_key(&self) -> Option<&[u8]> {
        match self.kind() {
            Kind::Leaf(content) => Some(content.encryption_key()),
            Kind::Parent { content, .. } => content.as_ref().map(ParentBytes::encryption_key),
            Kind::Blank(_) => None,
        }
    }

    /// The node at `target`, which is at or below `node`, at `at`. `None` if it is within a blank subtree whose nodes do
    /// not exist.
    pub(crate) fn find(mut node: &Arc<Self>, mut at: NodeIndex, target: NodeIndex) -> Option<&Arc<Self>> {
        while at != target {
            let Kind::Parent { left, right, .. } = node.kind() else { return None };
            (at, node) = if target < at { (at.left()?, left) } else { (at.right()?, right) };
        }
        Some(node)
    }

    /// Changes the nodes from `leaf` to this one, at `at`: the leaf's content, and that of each parent as
    /// `parent` says, from top to bottom. Nodes that others share are copied, the rest change in place.
    pub(crate) fn edit<P>(
        slot: &mut Arc<Self>,
        at: NodeIndex,
        leaf: LeafIndex,
        leaf_content: Option<LeafBytes>,
        parent: &mut P,
    ) -> Result<(), EncodeError>
    where
        P: FnMut(NodeIndex, Option<&ParentBytes>) -> Result<Option<ParentBytes>, EncodeError>,
    {
        let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
            *slot = leaf_content.map_or_else(|| Self::blank(at), |content| Self::leaf(at, content));
            return Ok(());
        };
        let content = parent(at, slot.parent_content())?;
        Self::edit_children(slot, at, content, |left, right| {
            if left_at.covers(leaf) {
                Self::edit(left, left_at, leaf, leaf_content, parent)
            } else {
                Self::edit(right, right_at, leaf, leaf_content, parent)
            }
        })
    }

    /// Some members, in increasing order, become unmerged at every node above them that is not blank.
    pub(crate) fn merge_unmerged(
        slot: &mut Arc<Self>,
        at: NodeIndex,
        added: &[LeafIndex],
    ) -> Result<(), EncodeError> {
        let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else { return Ok(()) };
        if added.is_empty() {
            return Ok(());
        }
        let content = slot.parent_content().map(|content| content.with_unmerged(added)).transpose()?;
        let middle = first_leaf(right_at);
        let (below_left, below_right) = added.split_at(added.partition_point(|leaf| *leaf < middle));
        Self::edit_children(slot, at, content, |left, right| {
            Self::merge_unmerged(left, left_at, below_left)?;
            Self::merge_unmerged(right, right_at, below_right)
        })
    }

    /// Gives a parent, at `at`, another content, and changes its children: in place, if nobody shares it.
    fn edit_children(
        slot: &mut Arc<Self>,
        at: NodeIndex,
        content: Option<ParentBytes>,
        edit: impl FnOnce(&mut Arc<Self>, &mut Arc<Self>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let (left_at, right_at) = children_of(at);
        let owned = Arc::get_mut(slot).map(Self::take_kind);
        let was_owned = owned.is_some();
        let (mut left, mut right) = match owned {
            Some(Kind::Parent { left, right, .. }) => (left, right),
            Some(Kind::Blank(children)) => {
                children.into_inner().unwrap_or_else(|| (Self::blank(left_at), Self::blank(right_at)))
            }
            Some(Kind::Leaf(_)) => (Self::blank(left_at), Self::blank(right_at)),
            None => slot.children(at).unwrap_or_else(|| (Self::blank(left_at), Self::blank(right_at))),
        };
        let edited = edit(&mut left, &mut right);
        match Arc::get_mut(slot).filter(|_| was_owned) {
            Some(node) => {
                node.summary = Summary::of_parent(content.as_ref(), left.summary, right.summary);
                node.hash = OnceLock::new();
                node.body = Body::Here(Kind::Parent { content, left, right });
            }
            None => *slot = Self::parent(content, left, right),
        }
        edited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_small() {
        // Two of them, with the counts of an Arc, are there for each member.
        assert!(size_of::<Subtree>() <= 104, "{}", size_of::<Subtree>());
    }
}
