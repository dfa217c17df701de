//! Leaf nodes (RFC 9420, section 7.2).

use crate::codec::{EncodeError, list};
use crate::{
    CipherSuite, Credential, CredentialType, ExtensionType, Extensions, GroupId, HpkePublicKey, LeafIndex,
    Opaque, ProposalType, ProtocolVersion, Signature, SignaturePublicKey,
};
use tls_codec::{Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The public keys and properties of a member, signed by that member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LeafNode {
    /// The public key to which other members encrypt secrets for this member.
    pub encryption_key: HpkePublicKey,
    /// The public key that verifies this member's signatures.
    pub signature_key: SignaturePublicKey,
    /// The credential of this member.
    pub credential: Credential,
    /// The capabilities of this member.
    pub capabilities: Capabilities,
    /// The source of this leaf node, with the fields that depend on the source.
    pub leaf_node_source: LeafNodeSource,
    /// Additional properties of the member.
    pub extensions: Extensions,
    /// The signature: `SignWithLabel(., "LeafNodeTBS", LeafNodeTBS)`.
    pub signature: Signature,
}

impl crate::Encode for LeafNode {}

/// The protocol versions, cipher suites and types that a client supports. Default types are omitted
/// (section 7.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Capabilities {
    /// The supported protocol versions.
    #[tls_codec(with = "list")]
    pub versions: Vec<ProtocolVersion>,
    /// The supported cipher suites.
    #[tls_codec(with = "list")]
    pub cipher_suites: Vec<CipherSuite>,
    /// The supported extension types, except the default ones.
    #[tls_codec(with = "list")]
    pub extensions: Vec<ExtensionType>,
    /// The supported proposal types, except the default ones.
    #[tls_codec(with = "list")]
    pub proposals: Vec<ProposalType>,
    /// The supported credential types.
    #[tls_codec(with = "list")]
    pub credentials: Vec<CredentialType>,
}

impl crate::Encode for Capabilities {}

impl Capabilities {
    /// Returns capabilities for MLS 1.0 with the given cipher suites and credential types, and with
    /// only the default extension and proposal types.
    pub fn new(
        cipher_suites: impl Into<Vec<CipherSuite>>,
        credentials: impl Into<Vec<CredentialType>>,
    ) -> Self {
        Self {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: cipher_suites.into(),
            credentials: credentials.into(),
            ..Self::default()
        }
    }
}

/// The way in which a leaf node entered the tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum LeafNodeSource {
    /// The leaf node originates from a KeyPackage, which the client created before it knew the
    /// group.
    #[tls_codec(discriminant = 1)]
    KeyPackage {
        /// The time during which the KeyPackage may be used.
        lifetime: Lifetime,
    },
    /// The leaf node originates from an Update proposal.
    #[tls_codec(discriminant = 2)]
    Update,
    /// The leaf node originates from the path of a Commit.
    #[tls_codec(discriminant = 3)]
    Commit {
        /// The parent hash, which binds the leaf to its parent (section 7.9). The parent hash is
        /// empty if all ancestors of the leaf are blank.
        parent_hash: Opaque,
    },
}

impl crate::Encode for LeafNodeSource {}

/// A time span in seconds since 1970-01-01T00:00:00Z, including the first and the last second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Lifetime {
    /// The first second of the lifetime.
    pub not_before: u64,
    /// The last second of the lifetime.
    pub not_after: u64,
}

impl crate::Encode for Lifetime {}

impl Lifetime {
    /// The number of seconds by which the clock of an adding member may lag behind.
    pub const CLOCK_MARGIN: u64 = 60 * 60;

    /// Returns a lifetime that ends `seconds` after `now`, given in seconds since 1970. The
    /// lifetime begins [`Lifetime::CLOCK_MARGIN`] before `now`, because the clocks of clients
    /// differ.
    #[must_use]
    pub const fn starting_at(now: u64, seconds: u64) -> Self {
        let not_before = now.saturating_sub(Self::CLOCK_MARGIN);
        Self { not_before, not_after: now.saturating_add(seconds) }
    }

    /// Returns a lifetime that ends `days` days after `now` and begins [`Lifetime::CLOCK_MARGIN`]
    /// before `now`.
    #[must_use]
    pub const fn days(now: u64, days: u32) -> Self {
        const SECONDS: u64 = 24 * 60 * 60;
        // The conversion from `u32` is lossless. `u64::from` is not available in a constant
        // function.
        #[allow(clippy::as_conversions, clippy::cast_lossless, reason = "from u32 to u64")]
        Self::starting_at(now, SECONDS.saturating_mul(days as u64))
    }
}

impl LeafNode {
    /// Returns the encoded `LeafNodeTBS`, which the signature covers.
    ///
    /// The signature of a leaf node with source `update` or `commit` also covers `position`, which
    /// is the group and the leaf index. For a leaf node with source `key_package`, `position` is
    /// ignored.
    ///
    /// # Errors
    /// Returns [`EncodeError`] if a vector is too long.
    pub fn to_be_signed(&self, position: (&GroupId, LeafIndex)) -> Result<Vec<u8>, EncodeError> {
        let (group_id, leaf_index) = position;
        let mut bytes = Vec::with_capacity(
            self.tls_serialized_len().saturating_add(group_id.tls_serialized_len()).saturating_add(4),
        );
        self.encryption_key.tls_serialize(&mut bytes)?;
        self.signature_key.tls_serialize(&mut bytes)?;
        self.credential.tls_serialize(&mut bytes)?;
        self.capabilities.tls_serialize(&mut bytes)?;
        self.leaf_node_source.tls_serialize(&mut bytes)?;
        self.extensions.tls_serialize(&mut bytes)?;
        match self.leaf_node_source {
            LeafNodeSource::KeyPackage { .. } => {}
            LeafNodeSource::Update | LeafNodeSource::Commit { .. } => {
                group_id.tls_serialize(&mut bytes)?;
                leaf_index.tls_serialize(&mut bytes)?;
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_begins_a_margin_before_now() {
        let lifetime = |not_before, not_after| Lifetime { not_before, not_after };
        assert_eq!(Lifetime::starting_at(1_000_000, 500), lifetime(996_400, 1_000_500));
        assert_eq!(Lifetime::starting_at(1_000_000, 0), lifetime(996_400, 1_000_000));
        // The ends of the lifetime saturate instead of overflowing.
        assert_eq!(Lifetime::starting_at(3_599, 1), lifetime(0, 3_600));
        assert_eq!(Lifetime::starting_at(0, u64::MAX), lifetime(0, u64::MAX));
        assert_eq!(Lifetime::starting_at(u64::MAX, 1), lifetime(u64::MAX - 3_600, u64::MAX));
    }
}
