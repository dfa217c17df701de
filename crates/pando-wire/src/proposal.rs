//! Proposals (RFC 9420, section 12.1).

use crate::{
    CipherSuite, Extensions, GroupId, KemOutput, KeyPackage, LeafIndex, LeafNode, Opaque, PreSharedKeyId,
    ProposalType, ProtocolVersion,
};
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A proposed change to the group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proposal {
    /// Adds a new member.
    Add(Box<Add>),
    /// Replaces the leaf node of the sender.
    Update(Box<Update>),
    /// Removes a member.
    Remove(Remove),
    /// Adds a pre-shared key to the key schedule.
    PreSharedKey(Box<PreSharedKey>),
    /// Replaces the group with a new one that has different parameters.
    ReInit(Box<ReInit>),
    /// Allows the sender of an external Commit to join the group.
    ExternalInit(ExternalInit),
    /// Replaces the GroupContext extensions.
    GroupContextExtensions(GroupContextExtensions),
    /// A proposal of a type that RFC 9420 does not define.
    Other(OtherProposal),
}

impl crate::Encode for Proposal {}

/// The proposal to add a member (section 12.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Add {
    /// The KeyPackage of the new member.
    pub key_package: KeyPackage,
}

impl crate::Encode for Add {}

/// The proposal to replace the leaf node of the sender (section 12.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Update {
    /// The new leaf node.
    pub leaf_node: LeafNode,
}

impl crate::Encode for Update {}

/// The proposal to remove a member (section 12.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Remove {
    /// The leaf index of the member to remove.
    pub removed: LeafIndex,
}

impl crate::Encode for Remove {}

/// The proposal to add a pre-shared key to the key schedule (section 12.1.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PreSharedKey {
    /// The identifier of the pre-shared key.
    pub psk: PreSharedKeyId,
}

impl crate::Encode for PreSharedKey {}

/// The proposal to replace the group with a new one that has different parameters (section 12.1.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ReInit {
    /// The identifier of the new group.
    pub group_id: GroupId,
    /// The protocol version of the new group.
    pub version: ProtocolVersion,
    /// The cipher suite of the new group.
    pub cipher_suite: CipherSuite,
    /// The GroupContext extensions of the new group.
    pub extensions: Extensions,
}

impl crate::Encode for ReInit {}

/// The proposal by which the sender of an external Commit joins (section 12.1.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ExternalInit {
    /// The KEM output from which the members derive the init secret.
    pub kem_output: KemOutput,
}

impl crate::Encode for ExternalInit {}

/// The proposal to replace the GroupContext extensions (section 12.1.7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct GroupContextExtensions {
    /// The complete new list of GroupContext extensions.
    pub extensions: Extensions,
}

impl crate::Encode for GroupContextExtensions {}

/// A proposal of a type that RFC 9420 does not define, decoded as `opaque data<V>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsSize)]
pub struct OtherProposal {
    /// The proposal type, for which [`Proposal`] has no other variant.
    pub proposal_type: ProposalType,
    /// The encoded contents of the proposal.
    pub data: Opaque,
}

impl Proposal {
    /// Returns the type of this proposal.
    #[must_use]
    pub const fn proposal_type(&self) -> ProposalType {
        match self {
            Self::Add(_) => ProposalType::ADD,
            Self::Update(_) => ProposalType::UPDATE,
            Self::Remove(_) => ProposalType::REMOVE,
            Self::PreSharedKey(_) => ProposalType::PSK,
            Self::ReInit(_) => ProposalType::REINIT,
            Self::ExternalInit(_) => ProposalType::EXTERNAL_INIT,
            Self::GroupContextExtensions(_) => ProposalType::GROUP_CONTEXT_EXTENSIONS,
            Self::Other(other) => other.proposal_type,
        }
    }
}

impl Size for Proposal {
    fn tls_serialized_len(&self) -> usize {
        let body = match self {
            Self::Add(body) => body.tls_serialized_len(),
            Self::Update(body) => body.tls_serialized_len(),
            Self::Remove(body) => body.tls_serialized_len(),
            Self::PreSharedKey(body) => body.tls_serialized_len(),
            Self::ReInit(body) => body.tls_serialized_len(),
            Self::ExternalInit(body) => body.tls_serialized_len(),
            Self::GroupContextExtensions(body) => body.tls_serialized_len(),
            Self::Other(other) => other.data.tls_serialized_len(),
        };
        self.proposal_type().tls_serialized_len().saturating_add(body)
    }
}

impl Serialize for Proposal {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let head = self.proposal_type().tls_serialize(writer)?;
        let body = match self {
            Self::Add(body) => body.tls_serialize(writer),
            Self::Update(body) => body.tls_serialize(writer),
            Self::Remove(body) => body.tls_serialize(writer),
            Self::PreSharedKey(body) => body.tls_serialize(writer),
            Self::ReInit(body) => body.tls_serialize(writer),
            Self::ExternalInit(body) => body.tls_serialize(writer),
            Self::GroupContextExtensions(body) => body.tls_serialize(writer),
            Self::Other(other) => other.data.tls_serialize(writer),
        }?;
        Ok(head.saturating_add(body))
    }
}

impl DeserializeBytes for Proposal {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        fn body<T: DeserializeBytes>(
            bytes: &[u8],
            proposal: impl FnOnce(T) -> Proposal,
        ) -> Result<(Proposal, &[u8]), Error> {
            let (body, rest) = T::tls_deserialize_bytes(bytes)?;
            Ok((proposal(body), rest))
        }

        let (proposal_type, bytes) = ProposalType::tls_deserialize_bytes(bytes)?;
        match proposal_type {
            ProposalType::ADD => body(bytes, Self::Add),
            ProposalType::UPDATE => body(bytes, Self::Update),
            ProposalType::REMOVE => body(bytes, Self::Remove),
            ProposalType::PSK => body(bytes, Self::PreSharedKey),
            ProposalType::REINIT => body(bytes, Self::ReInit),
            ProposalType::EXTERNAL_INIT => body(bytes, Self::ExternalInit),
            ProposalType::GROUP_CONTEXT_EXTENSIONS => body(bytes, Self::GroupContextExtensions),
            _ => body(bytes, |data| Self::Other(OtherProposal { proposal_type, data })),
        }
    }
}
