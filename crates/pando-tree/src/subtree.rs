//! The nodes of a persistent tree.
//!
//! A node does not know its index: callers track indices on their way down from the root. Trees
//! share nodes. A node is changed in place only while a single tree references it.

use crate::TreeError;
use crate::content::{LeafBytes, ParentBytes};
use crate::loader::Loader;
use crate::node_hash::{NodeHash, leaf_hash, parent_hash};
use crate::node_index::{children_of, first_leaf};
use crate::row::{ChildRow, NodeRow};
use crate::summary::{NO_LEAF, Summary};
use crate::tree_key::TreeKey;
use pando_crypto::Suite;
use pando_wire::{LeafIndex, NodeIndex};
use std::sync::{Arc, OnceLock};

/// A node together with its subtree.
#[derive(Debug)]
pub(crate) struct Subtree {
    /// The tree hash, once it has been computed.
    pub(crate) hash: OnceLock<NodeHash>,
    pub(crate) summary: Summary,
    body: Body,
}

/// The contents of a node, which are resident or loaded on demand.
#[derive(Debug)]
enum Body {
    Resident(Kind),
    Stored(Box<Stored>),
}

/// A stored node. The row of its parent contains the node's hash and, if the node is itself a
/// parent, its summary.
#[derive(Debug)]
struct Stored {
    loader: Loader,
    at: NodeIndex,
    /// The contents of the node, once they are loaded.
    kind: OnceLock<Kind>,
}

/// The contents of a node.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A blank leaf, or a blank parent with only blank nodes below. The children of such a parent
    /// are created on demand and kept, because other clones of the tree can reuse them and their
    /// hashes.
    Blank(OnceLock<Children>),
    Leaf(LeafBytes),
    Parent {
        /// The contents of the parent node, or `None` if it is blank.
        content: Option<ParentBytes>,
        left: Arc<Subtree>,
        right: Arc<Subtree>,
    },
}

/// The left and the right child of a parent.
type Children = (Arc<Subtree>, Arc<Subtree>);

impl Kind {
    /// Returns the contents of a blank node with only blank nodes below.
    const fn blank() -> Self {
        Self::Blank(OnceLock::new())
    }

    /// Loads the contents of the node at `at`. The contents of its children are loaded on demand.
    pub(crate) fn load(at: NodeIndex, loader: &Loader) -> Result<Self, TreeError> {
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
}

impl Kind {
    /// Returns the tree hash of newly loaded contents. For a parent, the hashes of its children are
    /// taken from its row.
    fn loaded_hash(&self, suite: Suite, at: NodeIndex) -> Result<Option<NodeHash>, TreeError> {
        Ok(match self {
            Self::Leaf(leaf) => Some(leaf_hash(suite, at, Some(leaf.as_bytes()))),
            Self::Parent { content, left, right } => {
                let (left_at, right_at) = children_of(at);
                let child = |at, child: &Subtree| match child.hash.get() {
                    Some(hash) => hash.clone(),
                    // Blank leaves are the only nodes whose hash is not in their parent's row.
                    None => leaf_hash(suite, at, None),
                };
                let content = content.as_ref().map(ParentBytes::as_bytes);
                Some(parent_hash(suite, content, &child(left_at, left), &child(right_at, right))?)
            }
            Self::Blank(_) => None,
        })
    }
}

impl Stored {
    /// Returns the contents, after loading them if necessary. The loaded contents must have the
    /// tree hash `expected`. A failure is not cached: the next call reads the row again.
    fn kind(&self, expected: Option<&NodeHash>) -> Result<&Kind, TreeError> {
        if let Some(kind) = self.kind.get() {
            return Ok(kind);
        }
        let kind = Kind::load(self.at, &self.loader)?;
        if kind.loaded_hash(self.loader.suite, self.at)?.as_deref() != expected.map(|hash| &**hash) {
            return Err(TreeError::Stored(TreeKey::Node(self.at)));
        }
        // If another thread has loaded the contents first, all threads share its nodes.
        Ok(self.kind.get_or_init(|| kind))
    }
}

impl Subtree {
    /// Returns a blank node at `at` with only blank nodes below.
    pub(crate) fn blank(at: NodeIndex) -> Arc<Self> {
        Self::new(Summary::blank(at), Kind::blank())
    }

    /// Returns a blank node at `at` with only blank nodes below. If it is a parent, its hash may be
    /// given.
    pub(crate) fn blank_with_hash(at: NodeIndex, hash: Option<NodeHash>) -> Arc<Self> {
        let blank = Self::blank(at);
        if let Some(hash) = hash {
            // The node is new and has no hash yet.
            let _ = blank.hash.set(hash);
        }
        blank
    }

    /// Returns a leaf at `at` with these contents.
    pub(crate) fn leaf(at: NodeIndex, leaf: LeafBytes) -> Arc<Self> {
        Self::new(Summary::leaf(at), Kind::Leaf(leaf))
    }

    /// Returns a parent with these two subtrees as its children.
    pub(crate) fn parent(content: Option<ParentBytes>, left: Arc<Self>, right: Arc<Self>) -> Arc<Self> {
        let summary = Summary::of_parent(content.as_ref(), left.summary, right.summary);
        Self::new(summary, Kind::Parent { content, left, right })
    }

    /// Returns a node at `at` with these contents.
    pub(crate) fn of_kind(at: NodeIndex, kind: Kind) -> Arc<Self> {
        match kind {
            Kind::Blank(_) => Self::blank(at),
            Kind::Leaf(leaf) => Self::leaf(at, leaf),
            Kind::Parent { content, left, right } => Self::parent(content, left, right),
        }
    }

    /// Returns the node at `at` of which only the entry in its parent's row is known. The node's
    /// contents are loaded on demand.
    fn stored(at: NodeIndex, row: ChildRow, loader: &Loader) -> Arc<Self> {
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
        Arc::new(Self { hash: OnceLock::new(), summary, body: Body::Resident(kind) })
    }

    /// Returns the contents, after loading them if necessary. The function cannot fail if the
    /// contents are loaded or resident.
    #[inline]
    pub(crate) fn kind(&self) -> Result<&Kind, TreeError> {
        match &self.body {
            Body::Resident(kind) => Ok(kind),
            Body::Stored(stored) => stored.kind(self.hash.get()),
        }
    }

    /// Returns the children of the node at `at`, or `None` if it is a leaf. If the node is a blank
    /// parent, its children are created.
    pub(crate) fn children(&self, at: NodeIndex) -> Result<Option<Children>, TreeError> {
        Ok(match self.kind()? {
            Kind::Parent { left, right, .. } => Some((left.clone(), right.clone())),
            Kind::Blank(children) if !at.is_leaf() => {
                Some(children.get_or_init(|| Self::blank_children(at)).clone())
            }
            Kind::Blank(_) | Kind::Leaf(_) => None,
        })
    }

    fn blank_children(at: NodeIndex) -> Children {
        let (left_at, right_at) = children_of(at);
        (Self::blank(left_at), Self::blank(right_at))
    }

    /// Returns the contents of a non-blank parent, or `None` for any other node.
    pub(crate) fn parent_content(&self) -> Result<Option<&ParentBytes>, TreeError> {
        Ok(match self.kind()? {
            Kind::Parent { content, .. } => content.as_ref(),
            Kind::Blank(_) | Kind::Leaf(_) => None,
        })
    }

    /// Returns the contents of a non-blank leaf, or `None` for any other node.
    pub(crate) fn leaf_content(&self) -> Result<Option<&LeafBytes>, TreeError> {
        Ok(match self.kind()? {
            Kind::Leaf(content) => Some(content),
            Kind::Blank(_) | Kind::Parent { .. } => None,
        })
    }

    /// Returns the encryption key of this node, or `None` if the node is blank.
    pub(crate) fn encryption_key(&self) -> Result<Option<&[u8]>, TreeError> {
        Ok(match self.kind()? {
            Kind::Leaf(content) => Some(content.encryption_key()),
            Kind::Parent { content, .. } => content.as_ref().map(ParentBytes::encryption_key),
            Kind::Blank(_) => None,
        })
    }

    /// Returns the node with the index `target`, which is `node` itself or a node below it. The
    /// index of `node` is `at`. Loads the nodes above `target`, but not the contents of `target`.
    /// Returns `None` for a node that does not exist because it is inside a blank subtree.
    pub(crate) fn find(
        mut node: &Arc<Self>,
        mut at: NodeIndex,
        target: NodeIndex,
    ) -> Result<Option<&Arc<Self>>, TreeError> {
        while at != target {
            let Kind::Parent { left, right, .. } = node.kind()? else { return Ok(None) };
            let (left_at, right_at) = children_of(at);
            (at, node) = if target < at { (left_at, left) } else { (right_at, right) };
        }
        Ok(Some(node))
    }

    /// Loads the nodes above the `count` leftmost blank leaves of this subtree, whose index is
    /// `at`. These leaves can then be filled without further reads. Returns the number of leaves
    /// for which this subtree has no space.
    pub(crate) fn load_blanks(&self, at: NodeIndex, count: usize) -> Result<usize, TreeError> {
        if count == 0 || self.summary.first_blank == NO_LEAF {
            return Ok(count);
        }
        Ok(match self.kind()? {
            Kind::Leaf(_) => count,
            Kind::Blank(_) => count.saturating_sub(1 << at.level()),
            Kind::Parent { left, right, .. } => {
                let (left_at, right_at) = children_of(at);
                right.load_blanks(right_at, left.load_blanks(left_at, count)?)?
            }
        })
    }

    /// Changes the nodes from `leaf` up to this node, whose index is `at`. The leaf gets
    /// `leaf_content`. Each parent gets the content that the function `parent` returns for its old
    /// content. Shared nodes are copied, and other nodes are changed in place.
    ///
    /// If a node above the leaf cannot be loaded, nothing changes and the function `parent` is not
    /// called.
    pub(crate) fn edit<P>(
        slot: &mut Arc<Self>,
        at: NodeIndex,
        leaf: LeafIndex,
        leaf_content: Option<LeafBytes>,
        parent: &mut P,
    ) -> Result<(), TreeError>
    where
        P: FnMut(NodeIndex, Option<&ParentBytes>) -> Option<ParentBytes>,
    {
        let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else {
            *slot = leaf_content.map_or_else(|| Self::blank(at), |content| Self::leaf(at, content));
            return Ok(());
        };
        Self::edit_parent(slot, at, |content, left, right| {
            let (child, child_at) = if left_at.covers(leaf) { (left, left_at) } else { (right, right_at) };
            Self::edit(child, child_at, leaf, leaf_content, parent)?;
            Ok(parent(at, content))
        })
    }

    /// Marks members as unmerged at every non-blank node above them. `added` lists these members in
    /// increasing order. All nodes above them must be loaded or resident.
    pub(crate) fn merge_unmerged(
        slot: &mut Arc<Self>,
        at: NodeIndex,
        added: &[LeafIndex],
    ) -> Result<(), TreeError> {
        let (Some(left_at), Some(right_at)) = (at.left(), at.right()) else { return Ok(()) };
        if added.is_empty() {
            return Ok(());
        }
        let middle = first_leaf(right_at);
        let (below_left, below_right) = added.split_at(added.partition_point(|leaf| *leaf < middle));
        Self::edit_parent(slot, at, |content, left, right| {
            Self::merge_unmerged(left, left_at, below_left)?;
            Self::merge_unmerged(right, right_at, below_right)?;
            Ok(content.map(|content| content.with_unmerged(added)).transpose()?)
        })
    }

    /// Changes the parent at `at`, in place unless it is shared. `edit` receives its content and
    /// its children, and returns its new content. If this node cannot be loaded, nothing changes.
    fn edit_parent(
        slot: &mut Arc<Self>,
        at: NodeIndex,
        edit: impl FnOnce(
            Option<&ParentBytes>,
            &mut Arc<Self>,
            &mut Arc<Self>,
        ) -> Result<Option<ParentBytes>, TreeError>,
    ) -> Result<(), TreeError> {
        if let Some(node) = Arc::get_mut(slot) {
            node.make_editable(at)?;
            if let Body::Resident(Kind::Parent { content, left, right }) = &mut node.body {
                *content = edit(content.as_ref(), left, right)?;
                node.summary = Summary::of_parent(content.as_ref(), left.summary, right.summary);
                node.hash = OnceLock::new();
                return Ok(());
            }
        }
        let (mut left, mut right) = slot.children(at)?.ok_or(TreeError::WrongKind(at))?;
        let content = edit(slot.parent_content()?, &mut left, &mut right)?;
        *slot = Self::parent(content, left, right);
        Ok(())
    }

    /// Ensures that the contents of the parent at `at` are resident, and creates the children of a
    /// blank parent.
    fn make_editable(&mut self, at: NodeIndex) -> Result<(), TreeError> {
        if let Body::Stored(stored) = &mut self.body {
            stored.kind(self.hash.get())?;
            if let Some(kind) = stored.kind.take() {
                self.body = Body::Resident(kind);
            }
        }
        if let Body::Resident(Kind::Blank(children)) = &mut self.body {
            let (left, right) = children.take().unwrap_or_else(|| Self::blank_children(at));
            self.body = Body::Resident(Kind::Parent { content: None, left, right });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_small() {
        // A `Subtree` must stay small: a tree has about two nodes for each member, and each node
        // also needs the counters of an `Arc`.
        assert!(size_of::<Subtree>() <= 104, "{}", size_of::<Subtree>());
    }
}
