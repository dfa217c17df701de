//! Rules for KeyPackages (RFC 9420, section 10.1).

use super::extensions::{self, Requirements};
use super::leaf_node;
use crate::Violation;
use crate::identity::Identities;
use pando_crypto::{SignedMessage, Suite, parallel};
use pando_wire::{
    EncodeError, GroupId, KeyPackage, LeafIndex, ProtocolVersion, Signature, SignaturePublicKey,
};

/// 10.1: the version and the cipher suite must match those of the group.
pub(crate) fn fits_suite(key_package: &KeyPackage, suite: Suite) -> Result<(), Violation> {
    let fits =
        key_package.version == ProtocolVersion::MLS_10 && key_package.cipher_suite == suite.cipher_suite();
    if fits { Ok(()) } else { Err(Violation::KeyPackageSuite) }
}

/// 10.1: the init key must not be the leaf's encryption key.
pub(crate) fn init_key_differs(key_package: &KeyPackage) -> Result<(), Violation> {
    if key_package.init_key == key_package.leaf_node.encryption_key {
        Err(Violation::InitKeyIsEncryptionKey)
    } else {
        Ok(())
    }
}

/// Checks all rules of section 10.1 except for those about signatures.
pub(crate) fn contents_are_valid(
    key_package: &KeyPackage,
    suite: Suite,
    requirements: &Requirements,
    identities: Identities<'_>,
) -> Result<(), Violation> {
    fits_suite(key_package, suite)?;
    let leaf = &key_package.leaf_node;
    leaf_node::comes_from_key_package(leaf)?;
    leaf_node::encryption_key_is_valid(leaf, suite)?;
    leaf_node::is_valid_alone(leaf, requirements, identities)?;
    leaf_node::is_alive(leaf, identities.now)?;
    extensions::no_duplicates(&key_package.extensions)?;
    suite.check_hpke_public_key(&key_package.init_key).map_err(|_| Violation::InvalidKey)?;
    init_key_differs(key_package)
}

/// Number of KeyPackages that are verified in one batch.
const BATCH: usize = 512;
/// Smallest batch for which verifying the two kinds of signatures on two threads pays off.
const WORTH_A_THREAD: usize = 16;

/// 10.1 and 7.3: the signatures of KeyPackages and of their leaves must be valid. These signatures
/// are verified in batches, on all cores.
pub(crate) fn signatures_are_valid(key_packages: &[&KeyPackage], suite: Suite) -> Result<(), Violation> {
    parallel::try_for_each_run(key_packages, BATCH, |batch| batch_is_signed(batch, suite))
}

fn batch_is_signed(key_packages: &[&KeyPackage], suite: Suite) -> Result<(), Violation> {
    let leaves = key_packages.iter().map(|key_package| {
        let leaf = &key_package.leaf_node;
        // The leaf of a KeyPackage belongs to no group yet, so its signature does not cover a
        // position.
        (leaf.to_be_signed((&GroupId::default(), LeafIndex(0))), &leaf.signature_key, &leaf.signature)
    });
    let themselves = key_packages.iter().map(|key_package| {
        (key_package.to_be_signed(), &key_package.leaf_node.signature_key, &key_package.signature)
    });
    let (leaves, themselves) = parallel::join(
        key_packages.len() >= WORTH_A_THREAD,
        || verify(suite, leaf_node::LABEL, leaves, &Violation::LeafSignature),
        || verify(suite, "KeyPackageTBS", themselves, &Violation::KeyPackageSignature),
    );
    leaves.and(themselves)
}

/// Verifies signatures that share one label.
fn verify<'a>(
    suite: Suite,
    label: &str,
    signed: impl Iterator<Item = (Result<Vec<u8>, EncodeError>, &'a SignaturePublicKey, &'a Signature)>,
    violation: &Violation,
) -> Result<(), Violation> {
    let signed = signed
        .map(|(message, public, signature)| Ok((message.map_err(|_| violation.clone())?, public, signature)))
        .collect::<Result<Vec<_>, _>>()?;
    let messages: Vec<_> = signed
        .iter()
        .map(|(message, public, signature)| SignedMessage { public, message, signature })
        .collect();
    suite
        .verify_batch_with_label(label, &messages)
        .map_err(|(_, error)| leaf_node::not_signed(&error, violation.clone()))
}
