//! Errors of trees, paths and changes. Each error names the affected node, if there is one.

use crate::source::SourceError;
use crate::tree_key::TreeKey;
use pando_crypto::CryptoError;
use pando_wire::{DecodeError, EncodeError, LeafIndex, NodeIndex};

/// The reason why a tree or a path was rejected, or why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The encoding of the tree is malformed.
    #[error("malformed tree: {0}")]
    Decode(#[from] DecodeError),
    /// The tree has no nodes (section 12.4.3.3).
    #[error("the tree is empty (RFC 9420, section 12.4.3.3)")]
    Empty,
    /// The tree has more leaves than can be encoded, or an operation would add too many.
    #[error("the tree is too large")]
    TooLarge,
    /// The last encoded node is blank (section 12.4.3.3).
    #[error("the last node is blank (RFC 9420, section 12.4.3.3)")]
    TrailingBlank,
    /// The last encoded node is a parent, so that its right child has only blank leaves below. No
    /// group has such a node, because it would have been blanked together with the last leaf below
    /// it. The RFC does not mention this case, but a forged tree could contain such a node.
    #[error("the last node, {0}, is a parent")]
    TrailingParent(NodeIndex),
    /// A leaf is encoded in the place of a parent, or a parent in the place of a leaf (section
    /// 12.4.3.3).
    #[error("{0} is of the wrong kind (RFC 9420, section 12.4.3.3)")]
    WrongKind(NodeIndex),
    /// A list of unmerged leaves is not sorted, or contains the same leaf twice (section 7.1).
    #[error("the unmerged leaves of {0} are not in increasing order (RFC 9420, section 7.1)")]
    UnmergedOrder(NodeIndex),
    /// A list of unmerged leaves contains a leaf that is blank or is not below the node (section
    /// 12.4.3.1).
    #[error("{leaf}, unmerged at {node}, is blank or not below it (RFC 9420, section 12.4.3.1)")]
    UnmergedLeaf {
        /// The node whose list of unmerged leaves is invalid.
        node: NodeIndex,
        /// The invalid leaf in the list.
        leaf: LeafIndex,
    },
    /// A leaf is unmerged at a node, but not at a node between the leaf and that node (section
    /// 12.4.3.1).
    #[error("{leaf} is unmerged at a node above {node}, but not at {node} (RFC 9420, section 12.4.3.1)")]
    UnmergedGap {
        /// The intermediate node whose list lacks the leaf.
        node: NodeIndex,
        /// The unmerged leaf.
        leaf: LeafIndex,
    },
    /// A parent is not the end of exactly one chain of parent hashes that starts at a leaf (section
    /// 7.9.2).
    #[error("{0} is not parent-hash valid (RFC 9420, section 7.9.2)")]
    ParentHash(NodeIndex),
    /// Two nodes have the same encryption key (section 16.7).
    #[error("{0} and {1} have the same encryption key (RFC 9420, section 16.7)")]
    DuplicateEncryptionKey(NodeIndex, NodeIndex),
    /// Two leaves have the same signature key (section 16.7).
    #[error("{0} and {1} have the same signature key (RFC 9420, section 16.7)")]
    DuplicateSignatureKey(LeafIndex, LeafIndex),
    /// The encryption key of a node is invalid for the cipher suite.
    #[error("the encryption key of {0} is not valid")]
    InvalidEncryptionKey(NodeIndex),
    /// The signature key of a leaf, or the signature by this key, is invalid (section 7.3).
    #[error("the signature of {0} is not valid (RFC 9420, section 7.3)")]
    LeafSignature(LeafIndex),
    /// The tree hash does not match the GroupContext (section 12.4.3.1).
    #[error("tree hash does not match the GroupContext (RFC 9420, section 12.4.3.1)")]
    TreeHash,
    /// A leaf is blank or does not exist.
    #[error("{0} is not a member")]
    NotAMember(LeafIndex),
    /// A path does not contain exactly one entry for each node of the filtered direct path (section
    /// 7.5).
    #[error("the path has {found} nodes instead of {expected} (RFC 9420, section 7.5)")]
    PathLength {
        /// The length of the filtered direct path.
        expected: usize,
        /// The number of entries in the path.
        found: usize,
    },
    /// An entry of a path does not contain exactly one ciphertext for each node to encrypt to
    /// (section 7.6).
    #[error("the path has {found} ciphertexts for {node} instead of {expected} (RFC 9420, section 7.6)")]
    CiphertextCount {
        /// The node whose path secret is encrypted.
        node: NodeIndex,
        /// The expected number of ciphertexts: the length of the resolution without the leaves that
        /// the Commit adds.
        expected: usize,
        /// The number of ciphertexts in the entry.
        found: usize,
    },
    /// A path contains a key that is already in the tree, or contains the same key twice (section
    /// 12.4.2).
    #[error("the new key of {0} occurs elsewhere (RFC 9420, section 12.4.2)")]
    PathKeyReused(NodeIndex),
    /// The leaf of a path has the wrong source or the wrong parent hash (section 7.9.2).
    #[error("the parent hash in the path's leaf does not match the path (RFC 9420, section 7.9.2)")]
    PathParentHash,
    /// The public key derived from a path secret does not match the tree (sections 7.5 and
    /// 12.4.3.1).
    #[error("the path secret of {0} does not match its public key (RFC 9420, sections 7.5 and 12.4.3.1)")]
    PathSecret(NodeIndex),
    /// The receiver lacks a private key that it should have.
    #[error("no private key for {0}")]
    PrivateKeyMissing(NodeIndex),
    /// A member attempted to decrypt its own path.
    #[error("the path is our own")]
    OwnPath,
    /// A row of a stored tree is malformed or missing.
    #[error("stored row {0:?} is malformed or missing")]
    Stored(TreeKey),
    /// A row of a stored tree cannot be read.
    #[error("cannot read the stored tree: {0}")]
    Source(#[from] SourceError),
    /// A cryptographic operation failed. For the receiver of a path, this means that the path
    /// secret could not be decrypted.
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
        // This enum must stay small, because each visit of a node returns a `Result` with it.
        assert!(size_of::<TreeError>() <= 32, "{}", size_of::<TreeError>());
    }
}
