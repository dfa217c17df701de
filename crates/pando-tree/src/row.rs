//! The rows that a tree is stored as: their keys, and what is in them.
//!
//! - A leaf that is not blank is a row: its LeafNode.
//! - A parent with a member below is a row: its ParentNode, if it is not blank, and what the subtrees of both children
//!   amount to, their hashes among them. Whoever walks down a path has read all that its parents' hashes depend on.
//! - Each encryption key and each signature key is a row without contents: its key says which node has it.
//! - The tree's shape, and what its members support, is a row.

use crate::TreeError;
use crate::content::{LeafBytes, ParentBytes};
use crate::hash::{NodeHash, tree_hash};
use crate::subtree::{Kind, Subtree, Summary, children_of};
use crate::support::Support;
use pando_crypto::Suite;
use pando_wire::{
    Decode, DecodeError, LeafIndex, LeafNode, NodeIndex, ParentNode, TreeSize, read_vector_header,
    vector_header,
};
use std::sync::Arc;

/// The key of a row of a tree. The order is that of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TreeKey {
    /// The size of the tree, and what its members support.
    Shape,
    /// A node: a leaf that is not blank, or a parent with a member below.
    Node(NodeIndex),
    /// A key with this fingerprint, and the node that has it.
    Key(KeyKind, u64, NodeIndex),
}

/// What an index is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// The encryption keys of leaves and parents.
    Encryption,
    /// The signature keys of leaves.
    Signature,
    /// What an application tells its clients apart by. No tree has such keys; the index is the same.
    Client,
}

/// What to do with a row: write it, or delete it if this is `None`.
pub type RowChange = (TreeKey, Option<Vec<u8>>);

/// [`TreeKey::Shape`]
pub(crate) struct Shape {
    pub(crate) size: TreeSize,
    pub(crate) support: Support,
}

/// [`TreeKey::Node`]
pub(crate) enum NodeRow<'a> {
    /// A LeafNode.
    Leaf(&'a [u8]),
    Parent {
        /// A ParentNode; `None` if it is blank.
        content: Option<&'a [u8]>,
        left: ChildRow,
        right: ChildRow,
    },
}

/// What a parent's row has of a child.
pub(crate) struct ChildRow {
    pub(crate) summary: Summary,
    pub(crate) hash: NodeHash,
}

impl Shape {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.size.depth()];
        self.support.write(&mut bytes);
        bytes
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (depth, support) = bytes.split_first()?;
        let size = TreeSize::with_leaves(1_u32.checked_shl((*depth).into())?)?;
        Some(Self { size, support: Support::read(support)? })
    }
}

impl<'a> NodeRow<'a> {
    /// Reads the row of the node at `at`.
    pub(crate) fn read(at: NodeIndex, bytes: &'a [u8]) -> Result<Self, TreeError> {
        Self::parse(at, bytes).map_err(|_| TreeError::Stored(TreeKey::Node(at)))
    }

    fn parse(at: NodeIndex, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if at.is_leaf() {
            LeafNode::decode(bytes)?;
            return Ok(Self::Leaf(bytes));
        }
        let (content, rest) = vector(bytes)?;
        if !content.is_empty() {
            ParentNode::decode(content)?;
        }
        let (left, rest) = ChildRow::read(rest)?;
        let (right, rest) = ChildRow::read(rest)?;
        if !rest.is_empty() {
            return Err(DecodeError::TrailingBytes);
        }
        Ok(Self::Parent { content: Some(content).filter(|content| !content.is_empty()), left, right })
    }

    /// The node itself, whose children, unless they are blank, `child` gives.
    pub(crate) fn into_kind(
        self,
        at: NodeIndex,
        mut child: impl FnMut(NodeIndex, ChildRow) -> Arc<Subtree>,
    ) -> Kind {
        match self {
            Self::Leaf(leaf) => Kind::Leaf(LeafBytes::from_decoded(leaf)),
            Self::Parent { content, left, right } => {
                let (left_at, right_at) = children_of(at);
                let mut child = |at, row: ChildRow| {
                    if row.summary.members > 0 { child(at, row) } else { Subtree::blank_with(at, row.hash) }
                };
                Kind::Parent {
                    content: content.map(ParentBytes::from_decoded),
                    left: child(left_at, left),
                    right: child(right_at, right),
                }
            }
        }
    }
}

impl ChildRow {
    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let (members, rest) = u32::decode_prefix(bytes)?;
        let (resolution, rest) = u32::decode_prefix(rest)?;
        let (first_blank, rest) = u32::decode_prefix(rest)?;
        let (last_member, rest) = u32::decode_prefix(rest)?;
        let (hash, rest) = vector(rest)?;
        let (first_blank, last_member) = (LeafIndex(first_blank), LeafIndex(last_member));
        let summary = Summary { members, resolution, first_blank, last_member };
        Ok((Self { summary, hash: hash.into() }, rest))
    }

    fn write(suite: Suite, at: NodeIndex, subtree: &Subtree, bytes: &mut Vec<u8>) -> Result<(), TreeError> {
        let Summary { members, resolution, first_blank, last_member } = subtree.summary;
        for number in [members, resolution, first_blank.0, last_member.0] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        write_vector(&tree_hash(suite, at, subtree)?, bytes)
    }
}

/// The row of the node at `at`; `None` if it has none.
pub(crate) fn node_row(suite: Suite, at: NodeIndex, subtree: &Subtree) -> Result<Option<Vec<u8>>, TreeError> {
    if subtree.summary.members == 0 {
        return Ok(None);
    }
    Ok(match subtree.kind() {
        Kind::Leaf(leaf) => Some(leaf.as_bytes().into()),
        Kind::Blank => None,
        Kind::Parent { content, left, right } => {
            let content = content.as_ref().map(ParentBytes::as_bytes).unwrap_or_default();
            let (left_at, right_at) = children_of(at);
            // Two hashes of 32 bytes, and less than 50 bytes beside them.
            let mut bytes = Vec::with_capacity(content.len().saturating_add(114));
            write_vector(content, &mut bytes)?;
            ChildRow::write(suite, left_at, left, &mut bytes)?;
            ChildRow::write(suite, right_at, right, &mut bytes)?;
            Some(bytes)
        }
    })
}

fn vector(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (len, rest) = read_vector_header(bytes)?;
    rest.split_at_checked(len).ok_or(DecodeError::Truncated)
}

fn write_vector(contents: &[u8], bytes: &mut Vec<u8>) -> Result<(), TreeError> {
    bytes.extend_from_slice(vector_header(contents.len())?.as_ref());
    bytes.extend_from_slice(contents);
    Ok(())
}
