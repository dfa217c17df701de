//! The rows of a stored tree.
//!
//! - A non-blank leaf is stored as a row with its LeafNode.
//! - A parent with a member below is stored as a row with an entry for each child and, unless the
//!   parent is blank, its ParentNode. The entry of a leaf contains its hash, or states that the
//!   leaf is blank. The entry of a parent contains its summary and its hash. The rows on a path
//!   from the root to a leaf therefore contain all inputs of the hashes on that path.
//! - Each encryption key and each signature key is stored as a row without contents. The row's key
//!   names the node that has the encryption or signature key.
//! - A single row contains the size of the tree and its capability counts.

use crate::TreeError;
use crate::capability_counts::CapabilityCounts;
use crate::node_hash::NodeHash;
use crate::node_index::{children_of, first_leaf};
use crate::summary::{NO_LEAF, Summary};
use crate::tree_key::TreeKey;
use pando_wire::{
    Decode, DecodeError, EncodeError, LeafIndex, LeafNode, NodeIndex, ParentNode, TreeSize,
    read_vector_header, vector_header,
};

/// The decoded contents of the row [`TreeKey::Shape`].
pub(crate) struct Shape {
    pub(crate) size: TreeSize,
    pub(crate) capability_counts: CapabilityCounts,
}

/// The decoded contents of a row [`TreeKey::Node`].
pub(crate) enum NodeRow<'a> {
    /// The encoded LeafNode.
    Leaf(&'a [u8]),
    Parent {
        /// The encoded ParentNode, or `None` if the parent itself is blank.
        content: Option<&'a [u8]>,
        left: ChildRow,
        right: ChildRow,
    },
}

/// The entry of a child in its parent's row.
pub(crate) struct ChildRow {
    pub(crate) summary: Summary,
    /// The tree hash, or `None` for a blank leaf.
    pub(crate) hash: Option<NodeHash>,
}

impl Shape {
    /// Encodes the row.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.size.depth()];
        self.capability_counts.write(&mut bytes);
        bytes
    }

    /// Decodes the row. Returns `None` if it is malformed.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (depth, capability_counts) = bytes.split_first()?;
        let size = TreeSize::with_leaves(1_u32.checked_shl((*depth).into())?)?;
        Some(Self { size, capability_counts: CapabilityCounts::read(capability_counts)? })
    }
}

impl<'a> NodeRow<'a> {
    /// Decodes the row of the node at `at`.
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

    /// Encodes the row of the node at `at`.
    pub(crate) fn encode(&self, at: NodeIndex) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Leaf(leaf) => Ok((*leaf).into()),
            Self::Parent { content, left, right } => {
                let content = content.unwrap_or_default();
                let (left_at, right_at) = children_of(at);
                // The additional capacity is enough for two hashes of 32 bytes and the summaries.
                let mut bytes = Vec::with_capacity(content.len().saturating_add(100));
                write_vector(content, &mut bytes)?;
                left.write(left_at, &mut bytes)?;
                right.write(right_at, &mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

impl ChildRow {
    fn read(at: NodeIndex, bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        if at.is_leaf() {
            return match bytes.split_first() {
                Some((0, rest)) => Ok((Self { summary: Summary::blank(at), hash: None }, rest)),
                Some((1, rest)) => {
                    let (hash, rest) = vector(rest)?;
                    Ok((Self { summary: Summary::leaf(at), hash: Some(hash.into()) }, rest))
                }
                Some((&other, _)) => Err(DecodeError::UnknownValue(other.into())),
                None => Err(DecodeError::Truncated),
            };
        }
        let (members, rest) = read_number(bytes)?;
        let (resolution, rest) = read_number(rest)?;
        let (first_blank, rest) = read_number(rest)?;
        let (last_member, rest) = read_number(rest)?;
        let (hash, rest) = vector(rest)?;
        // Encoded numbers start from 1, because 0 means that there is no leaf.
        let leaf = |number: u32| match number.checked_sub(1) {
            Some(offset) => LeafIndex(first_leaf(at).0.saturating_add(offset)),
            None => NO_LEAF,
        };
        let (first_blank, last_member) = (leaf(first_blank), leaf(last_member));
        let summary = Summary { members, resolution, first_blank, last_member };
        Ok((Self { summary, hash: Some(hash.into()) }, rest))
    }

    fn write(&self, at: NodeIndex, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Summary { members, resolution, first_blank, last_member } = self.summary;
        let Some(hash) = &self.hash else {
            bytes.push(0);
            return Ok(());
        };
        if at.is_leaf() {
            bytes.push(1);
            return write_vector(hash, bytes);
        }
        let number = |leaf: LeafIndex| match leaf {
            NO_LEAF => 0,
            leaf => leaf.0.saturating_sub(first_leaf(at).0).saturating_add(1),
        };
        for number in [members, resolution, number(first_blank), number(last_member)] {
            bytes.extend_from_slice(vector_header(number.try_into().unwrap_or(usize::MAX))?.as_ref());
        }
        write_vector(hash, bytes)
    }
}

/// Decodes a number that is encoded like the length of a vector.
fn read_number(bytes: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let (number, rest) = read_vector_header(bytes)?;
    Ok((number.try_into().map_err(|_| DecodeError::BadLength)?, rest))
}

fn vector(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (len, rest) = read_vector_header(bytes)?;
    rest.split_at_checked(len).ok_or(DecodeError::Truncated)
}

fn write_vector(contents: &[u8], bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    bytes.extend_from_slice(vector_header(contents.len())?.as_ref());
    bytes.extend_from_slice(contents);
    Ok(())
}
