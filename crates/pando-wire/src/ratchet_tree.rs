//! Parent nodes (RFC 9420, section 7.1) and the tree as it is sent (section 12.4.3.3).

use crate::codec::list;
use crate::{HpkePublicKey, LeafIndex, LeafNode, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A node between the leaves and the root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ParentNode {
    /// The key that others encrypt to the members below with.
    pub encryption_key: HpkePublicKey,
    /// The hash that ties this node to its parent (section 7.9); empty at the root.
    pub parent_hash: Opaque,
    /// The leaves below that do not know this node's private key, in increasing order.
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

/// The ratchet tree as it is sent: the nodes in the order of appendix C, blank ones as `None`, without the
/// blank ones at the end. Also the body of the ratchet_tree extension.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct RatchetTree(#[tls_codec(with = "list")] pub Vec<Option<Node>>);

impl crate::Encode for RatchetTree {}
