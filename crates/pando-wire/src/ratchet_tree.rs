//! Parent nodes (RFC 9420, section 7.1) and the encoding of ratchet trees (section 12.4.3.3).

use crate::codec::list;
use crate::{HpkePublicKey, LeafIndex, LeafNode, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A parent node of the ratchet tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ParentNode {
    /// The public key for encryption to the members below this node.
    pub encryption_key: HpkePublicKey,
    /// The parent hash, which binds this node to its parent (section 7.9). The root's parent hash
    /// is empty.
    pub parent_hash: Opaque,
    /// The leaves below this node whose members do not know its private key, in increasing order.
    #[tls_codec(with = "list")]
    pub unmerged_leaves: Vec<LeafIndex>,
}

impl crate::Encode for ParentNode {}

/// A node that is not blank.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum Node {
    /// A leaf.
    #[tls_codec(discriminant = 1)]
    Leaf(Box<LeafNode>),
    /// A parent.
    #[tls_codec(discriminant = 2)]
    Parent(Box<ParentNode>),
}

impl crate::Encode for Node {}

/// The ratchet tree in the form that is sent to joiners. The encoding lists the nodes in the order
/// of appendix C, with `None` for each blank node, and omits the blank nodes at the end. This type
/// is also the body of the `ratchet_tree` extension.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct RatchetTree(#[tls_codec(with = "list")] pub Vec<Option<Node>>);

impl crate::Encode for RatchetTree {}
