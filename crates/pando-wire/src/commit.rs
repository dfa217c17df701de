//! Commits (RFC 9420, section 12.4) and update paths (section 7.6).

use crate::codec::list;
use crate::{HpkePublicKey, KemOutput, LeafNode, Opaque, Proposal, ProposalRef};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A Commit: a list of proposals and, optionally, new keys for the committer's direct path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Commit {
    /// The proposals, each included by value or by reference.
    #[tls_codec(with = "list")]
    pub proposals: Vec<ProposalOrRef>,
    /// New keys for the nodes from the committer's leaf to the root.
    pub path: Option<UpdatePath>,
}

impl crate::Encode for Commit {}

/// A proposal in a Commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ProposalOrRef {
    /// A proposal included by value, whose sender is the committer.
    #[tls_codec(discriminant = 1)]
    Proposal(Proposal),
    /// A reference to a proposal that was sent earlier.
    #[tls_codec(discriminant = 2)]
    Reference(ProposalRef),
}

impl crate::Encode for ProposalOrRef {}

/// New keys for the nodes from a leaf to the root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UpdatePath {
    /// The new leaf.
    pub leaf_node: LeafNode,
    /// The new keys, one for each node of the sender's filtered direct path, from the leaf to the
    /// root.
    #[tls_codec(with = "list")]
    pub nodes: Vec<UpdatePathNode>,
}

impl crate::Encode for UpdatePath {}

/// The new key of a parent node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UpdatePathNode {
    /// The new public key of the node.
    pub encryption_key: HpkePublicKey,
    /// The path secret of the node, encrypted to each node in the resolution of its copath child,
    /// in order.
    #[tls_codec(with = "list")]
    pub encrypted_path_secret: Vec<HpkeCiphertext>,
}

impl crate::Encode for UpdatePathNode {}

/// An HPKE ciphertext (section 7.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct HpkeCiphertext {
    /// The KEM output, from which the recipient derives the AEAD key.
    pub kem_output: KemOutput,
    /// The AEAD ciphertext.
    pub ciphertext: Opaque,
}

impl crate::Encode for HpkeCiphertext {}
