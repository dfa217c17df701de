//! Counts of the members that support each capability (RFC 9420, sections 7.2 and 7.3), updated
//! with every change of a leaf.

use imbl::OrdMap;
use pando_wire::{
    Capabilities, CipherSuite, CredentialType, ExtensionType, LeafNode, ProposalType, ProtocolVersion,
};
use std::collections::BTreeSet;

/// A capability of a member. The order of the variants has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Capability {
    Version(ProtocolVersion),
    CipherSuite(CipherSuite),
    Extension(ExtensionType),
    Proposal(ProposalType),
    Credential(CredentialType),
    /// The type of a member's own credential, which is not a capability.
    UsedCredential(CredentialType),
}

/// The number of members that support each capability and that use each credential type.
///
/// Default types, which all members support and must not list, are counted like all other types.
/// The group's rules treat default types separately.
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
        // The entries for credential types in use are sorted after all other entries.
        let first = Capability::UsedCredential(CredentialType(0));
        self.counts.range(first..).filter_map(|(capability, _)| match capability {
            Capability::UsedCredential(credential_type) => Some(*credential_type),
            _ => None,
        })
    }

    /// Counts the capabilities of members. Adjacent members with equal capabilities, which are
    /// common, are counted together.
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

    /// Decodes the output of [`CapabilityCounts::write`]. Returns `None` if it is malformed.
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

    /// Adds the capabilities of a member to the counts.
    pub(crate) fn add(&mut self, leaf_node: &LeafNode) {
        self.add_many(leaf_node, 1);
    }

    /// Adds `members` members that all have the capabilities of `leaf_node`.
    fn add_many(&mut self, leaf_node: &LeafNode, members: u32) {
        self.members = self.members.saturating_add(members);
        for capability in capabilities(leaf_node) {
            let count = self.counts.entry(capability).or_insert(0);
            *count = count.saturating_add(members);
        }
    }

    /// Removes the capabilities of a member from the counts.
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
    /// Returns the kind and the value under which this capability is stored.
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

    /// Returns the capability that is stored under this kind and value.
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

/// Returns whether two leaves list the same capabilities and use the same credential type.
fn are_alike(one: &LeafNode, other: &LeafNode) -> bool {
    one.capabilities == other.capabilities
        && one.credential.credential_type() == other.credential.credential_type()
}

/// Returns the capabilities and the credential type of a leaf, without duplicates.
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
