//! Commits (RFC 9420, section 12.4) and update paths (section 7.6).

use crate::codec::list;
use crate::{HpkePublicKey, KemOutput, LeafNode, Opaque, Proposal, ProposalRef};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A list of proposals that take effect, and new keys for the sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Commit {
    /// The proposals, whole or by reference.
    #[tls_codec(with = "list")]
    pub proposals: Vec<ProposalOrRef>,
    /// New keys for the nodes from the sender's leaf to the root.
    pub path: Option<UpdatePath>,
}

impl crate::Encode for Commit {}

/// A proposal in a Commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum ProposalOrRef {
    /// The proposal itself, made by the committer.
    #[tls_codec(discriminant = 1)]
    Proposal(Proposal),
    /// The reference of a proposal that was sent before.
    #[tls_codec(discriminant = 2)]
    Reference(ProposalRef),
}

impl crate::Encode for ProposalOrRef {}

/// New keys for the nodes from a leaf to the root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UpdatePath {
    /// The new leaf.
    pub leaf_node: LeafNode,
    /// A node for each in the sender's filtered direct path, from the leaf to the root.
    #[tls_codec(with = "list")]
    pub nodes: Vec<UpdatePathNode>,
}

impl crate::Encode for UpdatePath {}

/// A new key for a parent node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UpdatePathNode {
    /// The new public key.
    pub encryption_key: HpkePublicKey,
    /// The path secret, encrypted to each node in the resolution of the copath child, in order.
    #[tls_codec(with = "list")]
    pub encrypted_path_secret: Vec<HpkeCiphertext>,
}

impl crate::Encode for UpdatePathNode {}

/// A ciphertext of HPKE (section 7.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct HpkeCiphertext {
    /// What the KEM produced.
    pub kem_output: KemOutput,
    /// What the AEAD produced.
    pub ciphertext: Opaque,
}

impl crate::Encode for HpkeCiphertext {}
