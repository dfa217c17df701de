//! Rules for leaf nodes (RFC 9420, sections 7.2 and 7.3).

use super::extensions::{self, Requirements};
use crate::identity::{Identities, IdentityPolicy};
use crate::{GroupError, Violation};
use pando_crypto::{CryptoError, Suite};
use pando_tree::{Tree, TreeError};
use pando_wire::{GroupId, LeafIndex, LeafNode, LeafNodeSource};

/// 7.2: a leaf must support its own credential type.
pub(crate) fn supports_own_credential(leaf_node: &LeafNode) -> Result<(), Violation> {
    let own = leaf_node.credential.credential_type();
    if leaf_node.capabilities.credentials.contains(&own) && !own.is_grease() {
        Ok(())
    } else {
        Err(Violation::OwnCredentialUnsupported)
    }
}

/// 7.3: the credential must be valid.
pub(crate) fn credential_is_valid(leaf_node: &LeafNode, identities: Identities<'_>) -> Result<(), Violation> {
    identities
        .policy
        .validate(&leaf_node.credential, &leaf_node.signature_key, identities.now)
        .map_err(|error| Violation::Credential(error.to_string()))
}

/// The label of a leaf's signature (section 7.2).
pub(crate) const LABEL: &str = "LeafNodeTBS";

/// 7.3 and 5.1.1: the signature and its key must be valid.
pub(crate) fn signature_is_valid(
    leaf_node: &LeafNode,
    suite: Suite,
    position: (&GroupId, LeafIndex),
) -> Result<(), Violation> {
    let to_be_signed = leaf_node.to_be_signed(position).map_err(|_| Violation::LeafSignature)?;
    suite
        .verify_with_label(&leaf_node.signature_key, LABEL, &to_be_signed, &leaf_node.signature)
        .map_err(|error| not_signed(&error, Violation::LeafSignature))
}

/// Returns the violation for a failed verification. The violation is [`Violation::InvalidKey`] if
/// the key is invalid, and `signature` otherwise.
pub(crate) fn not_signed(error: &CryptoError, signature: Violation) -> Violation {
    if matches!(error, CryptoError::InvalidPublicKey) { Violation::InvalidKey } else { signature }
}

/// 7.3: a leaf must support all types that the group requires.
pub(crate) fn supports_required(leaf_node: &LeafNode, required: &Requirements) -> Result<(), Violation> {
    let own = &leaf_node.capabilities;
    let missing = extensions::first_missing(required.extensions.iter().copied(), &own.extensions);
    missing.map_or(Ok(()), |missing| Err(Violation::RequiredExtension(missing)))?;
    let missing = extensions::first_missing(required.proposals.iter().copied(), &own.proposals);
    missing.map_or(Ok(()), |missing| Err(Violation::RequiredProposal(missing)))?;
    let missing = extensions::first_missing(required.credentials.iter().copied(), &own.credentials);
    missing.map_or(Ok(()), |missing| Err(Violation::RequiredCredential(missing)))
}

/// 7.3: all members must support the credential type of the leaf, and the leaf must support the
/// credential types of all members. The leaf is already in the tree and supports its own credential
/// type, which is therefore not GREASE.
pub(crate) fn credential_types_fit(leaf_node: &LeafNode, tree: &Tree) -> Result<(), Violation> {
    let own = leaf_node.credential.credential_type();
    if !tree.capability_counts().all_support_credential(own) {
        return Err(Violation::CredentialUnsupportedByMember(own));
    }
    let in_use = tree.capability_counts().credential_types_in_use();
    let unsupported = extensions::first_missing(in_use, &leaf_node.capabilities.credentials);
    unsupported.map_or(Ok(()), |used| Err(Violation::CredentialInUseUnsupported(used)))
}

/// 7.3: the current time must be within the lifetime. This rule applies only to leaves that are
/// about to be added; a member's leaf may expire without breaking the group.
pub(crate) fn is_alive(leaf_node: &LeafNode, now: Option<u64>) -> Result<(), Violation> {
    match (&leaf_node.leaf_node_source, now) {
        (LeafNodeSource::KeyPackage { lifetime }, Some(now))
            if now < lifetime.not_before || now > lifetime.not_after =>
        {
            Err(Violation::Lifetime)
        }
        _ => Ok(()),
    }
}

/// 7.2: the lifetime must not be longer than the maximum that the application accepts. This check
/// needs no clock.
pub(crate) fn lifetime_is_acceptable(
    leaf_node: &LeafNode,
    policy: &dyn IdentityPolicy,
) -> Result<(), Violation> {
    let LeafNodeSource::KeyPackage { lifetime } = &leaf_node.leaf_node_source else { return Ok(()) };
    match lifetime.not_after.checked_sub(lifetime.not_before) {
        Some(length) if length <= policy.max_lifetime() => Ok(()),
        _ => Err(Violation::LifetimeTooLong),
    }
}

/// 7.3: the source of a leaf in a KeyPackage must be `key_package`.
pub(crate) fn comes_from_key_package(leaf_node: &LeafNode) -> Result<(), Violation> {
    source(matches!(leaf_node.leaf_node_source, LeafNodeSource::KeyPackage { .. }))
}

/// 7.3: the source of a leaf in an Update must be `update`.
pub(crate) fn comes_from_update(leaf_node: &LeafNode) -> Result<(), Violation> {
    source(matches!(leaf_node.leaf_node_source, LeafNodeSource::Update))
}

/// 7.3: the source of a leaf in an update path must be `commit`.
pub(crate) fn comes_from_commit(leaf_node: &LeafNode) -> Result<(), Violation> {
    source(matches!(leaf_node.leaf_node_source, LeafNodeSource::Commit { .. }))
}

fn source(right: bool) -> Result<(), Violation> {
    if right { Ok(()) } else { Err(Violation::LeafSource) }
}

/// 7.3: an update must have a new encryption key.
pub(crate) fn encryption_key_is_new(new: &LeafNode, old: &LeafNode) -> Result<(), Violation> {
    if new.encryption_key == old.encryption_key { Err(Violation::EncryptionKeyUnchanged) } else { Ok(()) }
}

/// 7.3: keys must be unique in the group. The leaf is already in the tree.
pub(crate) fn keys_are_unique(leaf: LeafIndex, leaf_node: &LeafNode, tree: &Tree) -> Result<(), GroupError> {
    if let Some(other) = tree.find_other_signature_key(leaf, &leaf_node.signature_key)? {
        return Err(Violation::SignatureKeyInUse(other).into());
    }
    let node = tree.size().node(leaf).ok_or(TreeError::NotAMember(leaf))?;
    match tree.find_other_encryption_key(node, &leaf_node.encryption_key)? {
        Some(_) => Err(Violation::EncryptionKeyInUse.into()),
        None => Ok(()),
    }
}

/// 5.1.1: the encryption key must be valid in the cipher suite. Signature verification checks the
/// signature key.
pub(crate) fn encryption_key_is_valid(leaf_node: &LeafNode, suite: Suite) -> Result<(), Violation> {
    suite.check_hpke_public_key(&leaf_node.encryption_key).map_err(|_| Violation::InvalidKey)
}

/// 5.3.1: a member's new credential must be a valid successor of the old one.
pub(crate) fn credential_may_succeed(
    new: &LeafNode,
    old: &LeafNode,
    identities: Identities<'_>,
) -> Result<(), Violation> {
    if identities.policy.may_succeed(&old.credential, &new.credential) {
        Ok(())
    } else {
        Err(Violation::CredentialSuccession)
    }
}

/// Checks that the capabilities of a leaf cover its credential and its extensions. Only senders
/// check whether the capabilities list the group's version and cipher suite (see `sending`),
/// because deployed implementations accept leaves that do not list them.
pub(crate) fn supports_itself(leaf_node: &LeafNode) -> Result<(), Violation> {
    extensions::no_duplicates(&leaf_node.extensions)?;
    supports_own_credential(leaf_node)?;
    extensions::are_supported(&leaf_node.extensions, leaf_node)
}

/// Checks a single leaf against the requirements of the group, except for its keys and its
/// signature.
pub(crate) fn is_valid_alone(
    leaf_node: &LeafNode,
    requirements: &Requirements,
    identities: Identities<'_>,
) -> Result<(), Violation> {
    supports_itself(leaf_node)?;
    lifetime_is_acceptable(leaf_node, identities.policy)?;
    supports_required(leaf_node, requirements)?;
    extensions::leaf_supports_group_extensions(leaf_node, requirements)?;
    credential_is_valid(leaf_node, identities)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::{Capabilities, Credential, Extensions, Lifetime};

    type Rule = fn(&LeafNode) -> Result<(), Violation>;

    /// Each rule accepts only one source of a leaf node. All other tests stop at framing and path
    /// checks, and never reach these rules.
    #[test]
    fn a_leaf_comes_from_one_place() {
        let sources = [
            LeafNodeSource::KeyPackage { lifetime: Lifetime { not_before: 0, not_after: 1 } },
            LeafNodeSource::Update,
            LeafNodeSource::Commit { parent_hash: vec![].into() },
        ];
        let rules: [Rule; 3] = [comes_from_key_package, comes_from_update, comes_from_commit];
        for (at, leaf_node_source) in sources.into_iter().enumerate() {
            let leaf_node = LeafNode {
                encryption_key: vec![1].into(),
                signature_key: vec![2].into(),
                credential: Credential::Basic { identity: vec![].into() },
                capabilities: Capabilities::default(),
                leaf_node_source,
                extensions: Extensions::default(),
                signature: vec![].into(),
            };
            for (place, rule) in rules.iter().enumerate() {
                let expected = if at == place { Ok(()) } else { Err(Violation::LeafSource) };
                assert_eq!(rule(&leaf_node), expected, "{at} {place}");
            }
        }
    }
}
