//! Number of members that support each capability (RFC 9420, sections 7.2 and 7.3), kept up to date
//! with every change of a leaf.

use imbl::OrdMap;
use pando_wire::{
    Capabilities, CipherSuite, CredentialType, ExtensionType, LeafNode, ProposalType, ProtocolVersion,
};
use std::collections::BTreeSet;

/// A capability. The order has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Capability {
    Version(ProtocolVersion),
    CipherSuite(CipherSuite),
    Extension(ExtensionType),
    Proposal(ProposalType),
    Credential(CredentialType),
    /// Not a capability but the type of the member's own credential.
    UsedCredential(CredentialType),
}

/// Number of members that support each capability and that use each credential type.
///
/// Default types, which all members support and must not list, are counted like all others. The
/// group's rules treat them separately.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapabilityCounts {
    members: u32,
    counts: OrdMap<Capability, u32>,
}

impl CapabilityCounts {
    /// Returns whether all members list a protocol version.
    #[must_use]
    pub fn all_support_version(&self, version: ProtocolVersion) -> bool {
        self.all(Capability::Version(version))
    }

    /// Returns whether all members list a cipher suite.
    #[must_use]
    pub fn all_support_cipher_suite(&self, cipher_suite: CipherSuite) -> bool {
        self.all(Capability::CipherSuite(cipher_suite))
    }

    /// Returns whether all members list an extension type.
    #[must_use]
    pub fn all_support_extension(&self, extension_type: ExtensionType) -> bool {
        self.all(Capability::Extension(extension_type))
    }

    /// Returns whether all members list a proposal type.
    #[must_use]
    pub fn all_support_proposal(&self, proposal_type: ProposalType) -> bool {
        self.all(Capability::Proposal(proposal_type))
    }

    /// Returns whether all members list a credential type.
    #[must_use]
    pub fn all_support_credential(&self, credential_type: CredentialType) -> bool {
        self.all(Capability::Credential(credential_type))
    }

    /// Returns the types of the members' own credentials.
    pub fn credential_types_in_use(&self) -> impl Iterator<Item = CredentialType> {
        // These entries follow all others.
        let first = Capability::UsedCredential(CredentialType(0));
        self.counts.range(first..).filter_map(|(capability, _)| match capability {
            Capability::UsedCredential(credential_type) => Some(*credential_type),
            _ => None,
        })
    }

    /// Counts the capabilities of members. Adjacent members usually have equal capabilities and are
    /// counted together.
    pub(crate) fn of<'a>(leaves: impl Iterator<Item = &'a LeafNode>) -> Self {
        let mut counts = Self::default();
        let mut alike: Option<(&LeafNode, u32)> = None;
        for leaf in leaves {
            alike = Some(match alike {
                Some((first, count)) if are_alike(first, leaf) => (first, count.saturating_add(1)),
                before => {
                    before.into_iter().for_each(|(first, count)| counts.add_many(first, count));
                    (leaf, 1)
                }
            });
        }
        alike.into_iter().for_each(|(first, count)| counts.add_many(first, count));
        counts
    }

    /// Encodes the counts for storage.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.members.to_be_bytes());
        for (capability, count) in &self.counts {
            let (kind, value) = capability.to_numbers();
            bytes.push(kind);
            bytes.extend_from_slice(&value.to_be_bytes());
            bytes.extend_from_slice(&count.to_be_bytes());
        }
    }

    /// Decodes the output of [`CapabilityCounts::write`]; `None` if it is malformed.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (members, rest) = bytes.split_first_chunk()?;
        let (entries, []) = rest.as_chunks() else { return None };
        let entry = |[kind, high, low, count @ ..]: &[u8; 7]| {
            let capability = Capability::from_numbers(*kind, u16::from_be_bytes([*high, *low]))?;
            Some((capability, u32::from_be_bytes(*count)))
        };
        let counts = entries.iter().map(entry).collect::<Option<_>>()?;
        Some(Self { members: u32::from_be_bytes(*members), counts })
    }

    fn all(&self, capability: Capability) -> bool {
        self.counts.get(&capability).copied().unwrap_or(0) == self.members
    }

    /// Counts a member.
    pub(crate) fn add(&mut self, leaf_node: &LeafNode) {
        self.add_many(leaf_node, 1);
    }

    /// Adds a number of members with the capabilities of this one.
    fn add_many(&mut self, leaf_node: &LeafNode, members: u32) {
        self.members = self.members.saturating_add(members);
        for capability in capabilities(leaf_node) {
            let count = self.counts.entry(capability).or_insert(0);
            *count = count.saturating_add(members);
        }
    }

    /// Removes a member from the counts.
    pub(crate) fn remove(&mut self, leaf_node: &LeafNode) {
        self.members = self.members.saturating_sub(1);
        for capability in capabilities(leaf_node) {
            match self.counts.get_mut(&capability) {
                Some(count) if *count > 1 => *count = count.saturating_sub(1),
                _ => drop(self.counts.remove(&capability)),
            }
        }
    }
}

impl Capability {
    /// Returns the kind and the value under which the capability is stored.
    const fn to_numbers(self) -> (u8, u16) {
        match self {
            Self::Version(version) => (0, version.0),
            Self::CipherSuite(cipher_suite) => (1, cipher_suite.0),
            Self::Extension(extension) => (2, extension.0),
            Self::Proposal(proposal) => (3, proposal.0),
            Self::Credential(credential) => (4, credential.0),
            Self::UsedCredential(credential) => (5, credential.0),
        }
    }

    /// Returns the capability stored as this kind and value.
    const fn from_numbers(kind: u8, value: u16) -> Option<Self> {
        Some(match kind {
            0 => Self::Version(ProtocolVersion(value)),
            1 => Self::CipherSuite(CipherSuite(value)),
            2 => Self::Extension(ExtensionType(value)),
            3 => Self::Proposal(ProposalType(value)),
            4 => Self::Credential(CredentialType(value)),
            5 => Self::UsedCredential(CredentialType(value)),
            _ => return None,
        })
    }
}

/// Returns whether two leaves count equally.
fn are_alike(one: &LeafNode, other: &LeafNode) -> bool {
    one.capabilities == other.capabilities
        && one.credential.credential_type() == other.credential.credential_type()
}

/// Returns the capabilities of a leaf without duplicates.
fn capabilities(leaf_node: &LeafNode) -> BTreeSet<Capability> {
    let Capabilities { versions, cipher_suites, extensions, proposals, credentials } =
        &leaf_node.capabilities;
    let used = Capability::UsedCredential(leaf_node.credential.credential_type());
    std::iter::once(used)
        .chain(versions.iter().copied().map(Capability::Version))
        .chain(cipher_suites.iter().copied().map(Capability::CipherSuite))
        .chain(extensions.iter().copied().map(Capability::Extension))
        .chain(proposals.iter().copied().map(Capability::Proposal))
        .chain(credentials.iter().copied().map(Capability::Credential))
        .collect()
}
