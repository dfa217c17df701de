//! The rows that a tree is stored as: their keys, and what is in them.
//!
//! - A leaf that is not blank is a row: its LeafNode.
//! - A parent with a member below is a row: its ParentNode, if it is not blank, and what the subtrees of both children
//!   amount to: for a leaf, whether it is blank, and for a parent its summary and its hash. Whoever walks down a path and
//!   looks at one more leaf has read all that the hashes on the path depend on.
//! - Each encryption key and each signature key is a row without contents: its key says which node has it.
//! - The tree's shape, and what its members support, is a row.

use crate::TreeError;
use crate::content::{LeafBytes, ParentBytes};
use crate::hash::tree_hash;
use crate::node_hash::NodeHash;
use crate::node_index::{children_of, first_leaf};
use crate::subtree::{Kind, Subtree};
use crate::summary::{NO_LEAF, Summary};
use crate::support::Support;
use crate::tree_key::TreeKey;
use pando_crypto::Suite;
use pando_wire::{
    Decode, DecodeError, LeafIndex, LeafNode, NodeIndex, ParentNode, TreeSize, read_vector_header,
    vector_header,
};
use std::sync::Arc;

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
    /// That of a parent.
    pub(crate) hash: Option<NodeHash>,
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
        let (left_at, right_at) = children_of(at);
        let (left, rest) = ChildRow::read(left_at, rest)?;
        let (right, rest) = ChildRow::read(right_at, rest)?;
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
                    if row.summary.members > 0 { child(at, row) } else { row.blank(at) }
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
    fn read(at: NodeIndex, bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        if at.is_leaf() {
            return match bytes.split_first() {
                Some((0, rest)) => Ok((Self { summary: Summary::blank(at), hash: None }, rest)),
                Some((1, rest)) => Ok((Self { summary: Summary::leaf(at), hash: None }, rest)),
                Some((&other, _)) => Err(DecodeError::UnknownValue(other.into())),
                None => Err(DecodeError::Truncated),
            };
        }
        let (members, rest) = read_number(bytes)?;
        let (resolution, rest) = read_number(rest)?;
        let (first_blank, rest) = read_number(rest)?;
        let (last_member, rest) = read_number(rest)?;
        let (hash, rest) = vector(rest)?;
        // Counted from 1, so that there can be none.
        let leaf = |number: u32| match number.checked_sub(1) {
            Some(offset) => LeafIndex(first_leaf(at).0.saturating_add(offset)),
            None => NO_LEAF,
        };
        let (first_blank, last_member) = (leaf(first_blank), leaf(last_member));
        let summary = Summary { members, resolution, first_blank, last_member };
        Ok((Self { summary, hash: Some(hash.into()) }, rest))
    }

    fn write(suite: Suite, at: NodeIndex, subtree: &Subtree, bytes: &mut Vec<u8>) -> Result<(), TreeError> {
        let Summary { members, resolution, first_blank, last_member } = subtree.summary;
        if at.is_leaf() {
            bytes.push(u8::from(members > 0));
            return Ok(());
        }
        let number = |leaf: LeafIndex| match leaf {
            NO_LEAF => 0,
            leaf => leaf.0.saturating_sub(first_leaf(at).0).saturating_add(1),
        };
        for number in [members, resolution, number(first_blank), number(last_member)] {
            bytes.extend_from_slice(vector_header(number.try_into().unwrap_or(usize::MAX))?.as_ref());
        }
        write_vector(&tree_hash(suite, at, subtree)?, bytes)
    }

    /// The child, which is blank with everything below.
    pub(crate) fn blank(&self, at: NodeIndex) -> Arc<Subtree> {
        let blank = Subtree::blank(at);
        if let Some(hash) = &self.hash {
            // It is new, and has none.
            let _ = blank.hash.set(hash.clone());
        }
        blank
    }
}

/// A number, in as many bytes as a vector's length has.
fn read_number(bytes: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let (number, rest) = read_vector_header(bytes)?;
    Ok((number.try_into().map_err(|_| DecodeError::BadLength)?, rest))
}

/// The row of the node at `at`; `None` if it has none.
pub(crate) fn node_row(suite: Suite, at: NodeIndex, subtree: &Subtree) -> Result<Option<Vec<u8>>, TreeError> {
    if subtree.summary.members == 0 {
        return Ok(None);
    }
    Ok(match subtree.kind() {
        Kind::Leaf(leaf) => Some(leaf.as_bytes().into()),
        Kind::Blank(_) => None,
        Kind::Parent { content, left, right } => {
            let content = content.as_ref().map(ParentBytes::as_bytes).unwrap_or_default();
            let (left_at, right_at) = children_of(at);
            // Mostly two hashes of 32 bytes, and a little beside them.
            let mut bytes = Vec::with_capacity(content.len().saturating_add(100));
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
