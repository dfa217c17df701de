//! Key packages (RFC 9420, section 10.1).

use super::{extensions, leaf_node};
use crate::Violation;
use crate::identity::Identities;
use pando_crypto::Suite;
use pando_wire::{GroupContext, GroupId, KeyPackage, LeafIndex, ProtocolVersion};

/// 10.1: the version and the cipher suite must be those of the group.
pub(crate) fn fits_suite(key_package: &KeyPackage, suite: Suite) -> Result<(), Violation> {
    let fits =
        key_package.version == ProtocolVersion::MLS_10 && key_package.cipher_suite == suite.cipher_suite();
    if fits { Ok(()) } else { Err(Violation::KeyPackageSuite) }
}

/// 10.1: the signature must be valid.
pub(crate) fn signature_is_valid(key_package: &KeyPackage, suite: Suite) -> Result<(), Violation> {
    let to_be_signed = key_package.to_be_signed().map_err(|_| Violation::KeyPackageSignature)?;
    let key = &key_package.leaf_node.signature_key;
    suite
        .verify_with_label(key, "KeyPackageTBS", &to_be_signed, &key_package.signature)
        .map_err(|_| Violation::KeyPackageSignature)
}

/// 10.1: the init key must not be the leaf's encryption key.
pub(crate) fn init_key_differs(key_package: &KeyPackage) -> Result<(), Violation> {
    if key_package.init_key == key_package.leaf_node.encryption_key {
        Err(Violation::InitKeyIsEncryptionKey)
    } else {
        Ok(())
    }
}

/// All of section 10.1.
pub(crate) fn is_valid(
    key_package: &KeyPackage,
    suite: Suite,
    context: &GroupContext,
    identities: Identities<'_>,
) -> Result<(), Violation> {
    fits_suite(key_package, suite)?;
    let leaf = &key_package.leaf_node;
    leaf_node::comes_from_key_package(leaf)?;
    leaf_node::is_valid_alone(leaf, suite, context, identities)?;
    leaf_node::is_alive(leaf, identities.now)?;
    // The leaf of a KeyPackage belongs to no group yet, so the position does not count.
    leaf_node::signature_is_valid(leaf, suite, (&GroupId::default(), LeafIndex(0)))?;
    extensions::no_duplicates(&key_package.extensions)?;
    suite.check_hpke_public_key(&key_package.init_key).map_err(|_| Violation::InvalidKey)?;
    init_key_differs(key_package)?;
    signature_is_valid(key_package, suite)
}
