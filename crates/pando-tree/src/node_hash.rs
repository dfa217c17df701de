//! Tree hashes of single nodes (RFC 9420, section 7.8).

use crate::node_index::first_leaf;
use pando_crypto::{Digest, Suite};
use pando_wire::{EncodeError, NodeIndex, vector_header};
use std::ops::Deref;

/// The NodeType value of a leaf (section 7.8).
const LEAF: u8 = 1;
/// The NodeType value of a parent.
const PARENT: u8 = 2;

/// A tree hash. Hashes of 32 bytes, as in most cipher suites, need no allocation.
#[derive(Debug, Clone)]
pub(crate) enum NodeHash {
    Short([u8; 32]),
    Long(Box<[u8]>),
}

impl Deref for NodeHash {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(hash) => hash,
            Self::Long(hash) => hash,
        }
    }
}

impl From<&[u8]> for NodeHash {
    fn from(hash: &[u8]) -> Self {
        hash.try_into().map_or_else(|_| Self::Long(hash.into()), Self::Short)
    }
}

impl From<Digest> for NodeHash {
    fn from(digest: Digest) -> Self {
        (&*digest).into()
    }
}

/// Computes the `Hash(TreeHashInput)` of a leaf. `leaf` is the encoded LeafNode.
pub(crate) fn leaf_hash(suite: Suite, at: NodeIndex, leaf: Option<&[u8]>) -> NodeHash {
    let index = first_leaf(at).0.to_be_bytes();
    let digest = match leaf {
        None => suite.hash(&[&[LEAF], &index, &[0]]),
        Some(leaf) => suite.hash(&[&[LEAF], &index, &[1], leaf]),
    };
    digest.into()
}

/// Computes the `Hash(TreeHashInput)` of a parent. `content` is the encoded ParentNode.
pub(crate) fn parent_hash(
    suite: Suite,
    content: Option<&[u8]>,
    left: &[u8],
    right: &[u8],
) -> Result<NodeHash, EncodeError> {
    let (left_header, right_header) = (vector_header(left.len())?, vector_header(right.len())?);
    let (present, content): (&[u8], &[u8]) = match content {
        None => (&[0], &[]),
        Some(content) => (&[1], content),
    };
    let parts: [&[u8]; 7] =
        [&[PARENT], present, content, left_header.as_ref(), left, right_header.as_ref(), right];
    Ok(suite.hash(&parts).into())
}
