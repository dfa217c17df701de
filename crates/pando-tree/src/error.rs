//! Errors of trees, paths and changes. Each names the node, if there is one.

use crate::source::SourceError;
use crate::tree_key::TreeKey;
use pando_crypto::CryptoError;
use pando_wire::{DecodeError, EncodeError, LeafIndex, NodeIndex};

/// Reason why a tree or a path was refused, or why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The encoding of the tree is malformed.
    #[error("malformed tree: {0}")]
    Decode(#[from] DecodeError),
    /// The tree has no nodes (section 12.4.3.3).
    #[error("the tree is empty (RFC 9420, section 12.4.3.3)")]
    Empty,
    /// The tree has, or would get, more leaves than can be encoded.
    #[error("the tree is too large")]
    TooLarge,
    /// The last encoded node is blank (section 12.4.3.3).
    #[error("the last node is blank (RFC 9420, section 12.4.3.3)")]
    TrailingBlank,
    /// The last encoded node is a parent. Only blank leaves would be below its right child. No
    /// group has such a node, because it is blanked together with the last leaf below. The RFC does
    /// not mention this case, but a forged tree could otherwise contain it.
    #[error("the last node, {0}, is a parent")]
    TrailingParent(NodeIndex),
    /// A leaf is in the place of a parent, or a parent in the place of a leaf (section 12.4.3.3).
    #[error("{0} is of the wrong kind (RFC 9420, section 12.4.3.3)")]
    WrongKind(NodeIndex),
    /// A list of unmerged leaves is not sorted, or contains a leaf twice (section 7.1).
    #[error("the unmerged leaves of {0} are not in increasing order (RFC 9420, section 7.1)")]
    UnmergedOrder(NodeIndex),
    /// A list of unmerged leaves contains a leaf that is blank or not below the node (section
    /// 12.4.3.1).
    #[error("{leaf}, unmerged at {node}, is blank or not below it (RFC 9420, section 12.4.3.1)")]
    UnmergedLeaf {
        /// The node with the list.
        node: NodeIndex,
        /// The leaf in the list.
        leaf: LeafIndex,
    },
    /// A leaf is unmerged at a node, but not at a node between the two (section 12.4.3.1).
    #[error("{leaf} is unmerged at a node above {node}, but not at {node} (RFC 9420, section 12.4.3.1)")]
    UnmergedGap {
        /// The intermediate node, whose list lacks the leaf.
        node: NodeIndex,
        /// The unmerged leaf.
        leaf: LeafIndex,
    },
    /// A parent is not the end of exactly one chain of parent hashes from a leaf (section 7.9.2).
    #[error("{0} is not parent-hash valid (RFC 9420, section 7.9.2)")]
    ParentHash(NodeIndex),
    /// Two nodes have the same encryption key (section 16.7).
    #[error("{0} and {1} have the same encryption key (RFC 9420, section 16.7)")]
    DuplicateEncryptionKey(NodeIndex, NodeIndex),
    /// Two leaves have the same signature key (section 16.7).
    #[error("{0} and {1} have the same signature key (RFC 9420, section 16.7)")]
    DuplicateSignatureKey(LeafIndex, LeafIndex),
    /// The encryption key of a node is not valid for the cipher suite.
    #[error("the encryption key of {0} is not valid")]
    InvalidEncryptionKey(NodeIndex),
    /// The signature of a leaf, or its key, is not valid (section 7.3).
    #[error("the signature of {0} is not valid (RFC 9420, section 7.3)")]
    LeafSignature(LeafIndex),
    /// The tree hash does not match the GroupContext (section 12.4.3.1).
    #[error("tree hash does not match the GroupContext (RFC 9420, section 12.4.3.1)")]
    TreeHash,
    /// A leaf is blank or does not exist.
    #[error("{0} is not a member")]
    NotAMember(LeafIndex),
    /// A path does not have one entry for each node of the filtered direct path (section 7.5).
    #[error("the path has {found} nodes instead of {expected} (RFC 9420, section 7.5)")]
    PathLength {
        /// The length of the filtered direct path.
        expected: usize,
        /// The number of entries.
        found: usize,
    },
    /// An entry of a path does not have one ciphertext for each node to encrypt to (section 7.6).
    #[error("the path has {found} ciphertexts for {node} instead of {expected} (RFC 9420, section 7.6)")]
    CiphertextCount {
        /// The node whose path secret is encrypted.
        node: NodeIndex,
        /// The length of the resolution without the leaves that the Commit adds.
        expected: usize,
        /// The number of ciphertexts.
        found: usize,
    },
    /// A path has a key that is already in the tree, or twice in the path (section 12.4.2).
    #[error("the new key of {0} occurs elsewhere (RFC 9420, section 12.4.2)")]
    PathKeyReused(NodeIndex),
    /// The leaf of a path has a wrong source or a wrong parent hash (section 7.9.2).
    #[error("the parent hash in the path's leaf does not match the path (RFC 9420, section 7.9.2)")]
    PathParentHash,
    /// The public key derived from a path secret does not match the tree (sections 7.5 and
    /// 12.4.3.1).
    #[error("the path secret of {0} does not match its public key (RFC 9420, sections 7.5 and 12.4.3.1)")]
    PathSecret(NodeIndex),
    /// The receiver lacks a private key that it should have.
    #[error("no private key for {0}")]
    PrivateKeyMissing(NodeIndex),
    /// A member tries to decrypt its own path.
    #[error("the path is our own")]
    OwnPath,
    /// A row of a stored tree is malformed or missing.
    #[error("stored row {0:?} is malformed or missing")]
    Stored(TreeKey),
    /// A row of a stored tree cannot be read.
    #[error("cannot read the stored tree: {0}")]
    Source(#[from] SourceError),
    /// A cryptographic operation failed. For a receiver of a path: the path secret could not be
    /// decrypted.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A value is too long to encode.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_small() {
        // Each visited node is returned in a `Result`.
        assert!(size_of::<TreeError>() <= 32, "{}", size_of::<TreeError>());
    }
}
