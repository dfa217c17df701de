//! What can be wrong with a tree, a path, or a request for a change. A node is named wherever there is one.

use crate::source::SourceError;
use crate::tree_key::TreeKey;
use pando_crypto::CryptoError;
use pando_wire::{DecodeError, EncodeError, LeafIndex, NodeIndex};

/// Why a tree or a path was refused, or a change could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The tree is malformed as bytes.
    #[error("malformed tree: {0}")]
    Decode(#[from] DecodeError),
    /// The tree has no nodes (section 12.4.3.3).
    #[error("the tree is empty")]
    Empty,
    /// The tree has, or would get, more leaves than can be sent.
    #[error("the tree is too large")]
    TooLarge,
    /// The last node that is sent is blank (section 12.4.3.3).
    #[error("the last node is blank")]
    TrailingBlank,
    /// The last node that is sent is a parent. It would stand above blank leaves only, on its right side,
    /// and no group has such a node: it goes when the last member below does. The RFC does not say so; a
    /// forged tree could otherwise have it.
    #[error("the last node, {0}, is a parent")]
    TrailingParent(NodeIndex),
    /// A leaf stands where a parent must be, or the other way round (section 12.4.3.3).
    #[error("{0} is of the wrong kind")]
    WrongKind(NodeIndex),
    /// A list of unmerged leaves is not sorted, or names a leaf twice (section 7.1).
    #[error("the unmerged leaves of {0} are not in increasing order")]
    UnmergedOrder(NodeIndex),
    /// A list of unmerged leaves names a leaf that is blank or not below the node (section 12.4.3.1).
    #[error("{leaf} is unmerged at {node}, and is blank or not below it")]
    UnmergedLeaf {
        /// The node with the list.
        node: NodeIndex,
        /// The leaf that it names.
        leaf: LeafIndex,
    },
    /// A leaf is unmerged at a node and not at one between the two (section 12.4.3.1).
    #[error("{leaf} is unmerged at a node above {node}, and not there")]
    UnmergedGap {
        /// The node between, which lacks the leaf.
        node: NodeIndex,
        /// The leaf.
        leaf: LeafIndex,
    },
    /// A parent is not, or not exactly once, the end of a chain of parent hashes from a leaf
    /// (section 7.9.2).
    #[error("{0} is not parent-hash valid")]
    ParentHash(NodeIndex),
    /// Two nodes have the same encryption key (section 16.7).
    #[error("{0} and {1} have the same encryption key")]
    DuplicateEncryptionKey(NodeIndex, NodeIndex),
    /// Two leaves have the same signature key (section 16.7).
    #[error("{0} and {1} have the same signature key")]
    DuplicateSignatureKey(LeafIndex, LeafIndex),
    /// The encryption key of a node is not one of the cipher suite.
    #[error("the encryption key of {0} is not valid")]
    InvalidEncryptionKey(NodeIndex),
    /// The signature of a leaf, or its key, is not valid (section 7.3).
    #[error("the signature of {0} is not valid")]
    LeafSignature(LeafIndex),
    /// The hash of the tree is not the one that it must be (section 12.4.3.1).
    #[error("the tree has another hash")]
    TreeHash,
    /// A leaf is blank or does not exist.
    #[error("{0} is not a member")]
    NotAMember(LeafIndex),
    /// A path does not have one entry for each node of the filtered direct path (section 7.5).
    #[error("the path has {found} nodes instead of {expected}")]
    PathLength {
        /// The length of the filtered direct path.
        expected: usize,
        /// The number of entries.
        found: usize,
    },
    /// An entry of a path does not have one ciphertext for each node to encrypt to (section 7.6).
    #[error("the path has {found} ciphertexts for {node} instead of {expected}")]
    CiphertextCount {
        /// The node whose path secret is encrypted.
        node: NodeIndex,
        /// The length of the resolution, without the leaves that were just added.
        expected: usize,
        /// The number of ciphertexts.
        found: usize,
    },
    /// A path brings a key that the tree, or the path itself, has already (section 12.4.2).
    #[error("the new key of {0} occurs elsewhere")]
    PathKeyReused(NodeIndex),
    /// The leaf of a path does not come from a Commit, or its parent hash is not the right one
    /// (section 7.9.2).
    #[error("the parent hash in the path's leaf is not right")]
    PathParentHash,
    /// The key pair that was derived from a path secret does not have the public key that the tree has
    /// (sections 7.5 and 12.4.3.1).
    #[error("the path secret of {0} does not fit its public key")]
    PathSecret(NodeIndex),
    /// A private key that the receiver must have is not there.
    #[error("the private key of {0} is not there")]
    PrivateKeyMissing(NodeIndex),
    /// A path is to be decrypted by its own sender.
    #[error("the path is one's own")]
    OwnPath,
    /// A row of a tree that was stored is malformed, or is not there and should be.
    #[error("what was stored as {0:?} is malformed or missing")]
    Stored(TreeKey),
    /// Something that was stored cannot be read.
    #[error("the store cannot be read: {0}")]
    Source(#[from] SourceError),
    /// A cryptographic operation failed: for a receiver of a path, its path secret could not be decrypted.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Something is too long to be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
