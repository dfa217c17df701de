//! The contents of nodes. Contents are kept in wire encoding, because this form is the most compact
//! one and is also the input of the tree hash.

use pando_wire::{
    Credential, Decode, DecodeError, Encode, EncodeError, LeafIndex, LeafNode, ParentNode,
    read_vector_header, vector_header,
};
use std::sync::Arc;

/// An encoded LeafNode.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeafBytes(Box<[u8]>);

/// An encoded ParentNode. Clones share the bytes, because a list of unmerged leaves may be long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParentBytes(Arc<[u8]>);

/// Splits bytes that begin with a vector into the vector's contents and the remaining bytes. The
/// bytes must come from our own encoder or must have been decoded before, because other bytes might
/// not begin with a vector.
fn vector(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (len, rest) = read_vector_header(bytes).unwrap_or_default();
    rest.split_at_checked(len).unwrap_or_default()
}

impl LeafBytes {
    pub(crate) fn new(leaf_node: &LeafNode) -> Result<Self, EncodeError> {
        Ok(Self(leaf_node.encode()?.into()))
    }

    /// Wraps bytes that have already been decoded successfully. Such bytes are the canonical
    /// encoding, because each value has only one encoding.
    pub(crate) fn from_decoded(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn encryption_key(&self) -> &[u8] {
        vector(&self.0).0
    }

    pub(crate) fn signature_key(&self) -> &[u8] {
        vector(vector(&self.0).1).0
    }

    pub(crate) fn credential(&self) -> Result<Credential, DecodeError> {
        Ok(Credential::decode_prefix(vector(vector(&self.0).1).1)?.0)
    }

    pub(crate) fn decode(&self) -> Result<LeafNode, DecodeError> {
        LeafNode::decode(&self.0)
    }
}

impl ParentBytes {
    /// Encodes a parent node without unmerged leaves.
    pub(crate) fn new(encryption_key: &[u8], parent_hash: &[u8]) -> Result<Self, EncodeError> {
        let (key_header, hash_header) =
            (vector_header(encryption_key.len())?, vector_header(parent_hash.len())?);
        let parts: [&[u8]; 5] =
            [key_header.as_ref(), encryption_key, hash_header.as_ref(), parent_hash, &[0]];
        Ok(Self(parts.concat().into()))
    }

    /// Wraps bytes that have already been decoded successfully. Such bytes are the canonical
    /// encoding, because each value has only one encoding.
    pub(crate) fn from_decoded(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn encryption_key(&self) -> &[u8] {
        vector(&self.0).0
    }

    pub(crate) fn parent_hash(&self) -> &[u8] {
        vector(vector(&self.0).1).0
    }

    /// Returns the number of unmerged leaves.
    pub(crate) fn unmerged_count(&self) -> u32 {
        u32::try_from(self.unmerged_bytes().len() / 4).unwrap_or(u32::MAX)
    }

    /// Returns the unmerged leaves in increasing order.
    pub(crate) fn unmerged(&self) -> impl Iterator<Item = LeafIndex> {
        let (leaves, _) = self.unmerged_bytes().as_chunks();
        leaves.iter().map(|&leaf| LeafIndex(u32::from_be_bytes(leaf)))
    }

    /// Returns the position of a leaf in the list of unmerged leaves.
    pub(crate) fn unmerged_position(&self, leaf: LeafIndex) -> Option<usize> {
        let (leaves, _) = self.unmerged_bytes().as_chunks();
        // Big-endian encodings sort in the same order as the numbers.
        leaves.binary_search(&leaf.0.to_be_bytes()).ok()
    }

    /// Returns a copy of this node with additional unmerged leaves, given in increasing order. The
    /// cost grows with the length of the new list.
    pub(crate) fn with_unmerged(&self, added: &[LeafIndex]) -> Result<Self, EncodeError> {
        let mut added = added.iter().copied().peekable();
        let mut merged =
            Vec::with_capacity(self.unmerged_bytes().len().saturating_add(added.len().saturating_mul(4)));
        for leaf in self.unmerged() {
            while let Some(before) = added.next_if(|before| *before <= leaf) {
                if before < leaf {
                    merged.extend(before.0.to_be_bytes());
                }
            }
            merged.extend(leaf.0.to_be_bytes());
        }
        merged.extend(added.flat_map(|leaf| leaf.0.to_be_bytes()));
        self.with_unmerged_bytes(&[&merged])
    }

    /// Returns a copy of this node without some of its unmerged leaves, given in increasing order.
    pub(crate) fn without_unmerged(&self, removed: &[LeafIndex]) -> Result<Self, EncodeError> {
        let kept = self.unmerged().filter(|leaf| removed.binary_search(leaf).is_err());
        let kept: Vec<u8> = kept.flat_map(|leaf| leaf.0.to_be_bytes()).collect();
        self.with_unmerged_bytes(&[&kept])
    }

    pub(crate) fn decode(&self) -> Result<ParentNode, DecodeError> {
        ParentNode::decode(&self.0)
    }

    fn unmerged_bytes(&self) -> &[u8] {
        vector(vector(vector(&self.0).1).1).0
    }

    fn with_unmerged_bytes(&self, unmerged: &[&[u8]]) -> Result<Self, EncodeError> {
        let behind = vector(vector(&self.0).1).1.len();
        let front = self.0.get(..self.0.len().saturating_sub(behind)).unwrap_or_default();
        let len = unmerged.iter().map(|part| part.len()).fold(0_usize, usize::saturating_add);
        let header = vector_header(len)?;
        let mut bytes = Vec::with_capacity(front.len().saturating_add(len).saturating_add(4));
        bytes.extend_from_slice(front);
        bytes.extend_from_slice(header.as_ref());
        unmerged.iter().for_each(|part| bytes.extend_from_slice(part));
        Ok(Self(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_keep_their_unmerged_leaves_in_order() {
        let mut parent = ParentBytes::new(&[1; 70], &[2; 32]).unwrap();
        for leaf in [7, 3, 1 << 20, 3, 0] {
            parent = parent.with_unmerged(&[LeafIndex(leaf)]).unwrap();
        }
        let expected = [0, 3, 7, 1 << 20].map(LeafIndex);
        assert_eq!(parent.unmerged().collect::<Vec<_>>(), expected);
        assert_eq!(parent.unmerged_count(), 4);
        assert_eq!(parent.unmerged_position(LeafIndex(7)), Some(2));
        assert_eq!(parent.unmerged_position(LeafIndex(8)), None);

        let decoded = parent.decode().unwrap();
        assert_eq!((&*decoded.encryption_key, &*decoded.parent_hash), (&[1; 70][..], &[2; 32][..]));
        assert_eq!(decoded.unmerged_leaves, expected);
        assert_eq!((parent.encryption_key(), parent.parent_hash()), (&[1; 70][..], &[2; 32][..]));
        let fewer = parent.without_unmerged(&[LeafIndex(3), LeafIndex(4), LeafIndex(7)]).unwrap();
        assert_eq!(fewer.unmerged().collect::<Vec<_>>(), [LeafIndex(0), LeafIndex(1 << 20)]);
    }

    #[test]
    fn leaves_that_are_added_together_are_those_that_are_added_one_by_one() {
        let parent = ParentBytes::new(&[1; 32], &[2; 32]).unwrap();
        for (before, added) in [
            (&[][..], &[][..]),
            (&[], &[3, 9]),
            (&[4], &[]),
            (&[2, 4, 6], &[1, 3, 5, 7]),
            (&[2, 4], &[2, 3, 4, 1 << 20]),
            (&[7, 8, 9], &[1, 2]),
        ] {
            let (before, added) =
                (before.iter().copied().map(LeafIndex), added.iter().copied().map(LeafIndex));
            let one_by_one = |parent: ParentBytes, leaf| parent.with_unmerged(&[leaf]).unwrap();
            let parent = before.fold(parent.clone(), one_by_one);
            let together = parent.with_unmerged(&added.clone().collect::<Vec<_>>()).unwrap();
            assert_eq!(together, added.fold(parent, one_by_one));
        }
    }

    #[test]
    fn many_unmerged_leaves_change_the_length_of_the_header() {
        let mut parent = ParentBytes::new(&[1; 32], &[]).unwrap();
        for leaf in (0..5_000).rev() {
            parent = parent.with_unmerged(&[LeafIndex(leaf)]).unwrap();
        }
        assert_eq!(parent.unmerged_count(), 5_000);
        assert_eq!(parent.decode().unwrap().unmerged_leaves.len(), 5_000);
    }
}
