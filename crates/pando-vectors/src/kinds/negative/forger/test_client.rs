//! A client whose KeyPackage (RFC 9420, sections 7.2 and 10) may have invalid contents.

use super::Forging;
use pando_crypto::{HpkeKeyPair, SignaturePrivateKey, Signer, Suite};
use pando_wire::{
    Capabilities, Credential, Extensions, GroupId, KeyPackage, LeafIndex, LeafNode, LeafNodeSource, Lifetime,
    ProtocolVersion, Signature,
};
use rand_chacha::ChaCha20Rng;

/// A client together with all its private keys.
pub(crate) struct TestClient {
    pub(crate) key_package: KeyPackage,
    pub(crate) init_key_pair: HpkeKeyPair,
    pub(crate) leaf_key_pair: HpkeKeyPair,
    pub(crate) signature_private: SignaturePrivateKey,
    pub(crate) signer: Box<dyn Signer>,
}

impl TestClient {
    /// Creates a client with a valid KeyPackage.
    pub(crate) fn new(
        suite: Suite,
        name: &str,
        capabilities: &Capabilities,
        rng: &mut ChaCha20Rng,
    ) -> Forging<Self> {
        let signature_private = suite.signature_generate_key(rng)?;
        let signer = suite.signer(&signature_private)?;
        let init_key_pair = suite.hpke_generate_key_pair(rng)?;
        let leaf_key_pair = suite.hpke_generate_key_pair(rng)?;
        let leaf_node = LeafNode {
            encryption_key: leaf_key_pair.public.clone(),
            signature_key: signer.public_key().clone(),
            credential: Credential::Basic { identity: name.as_bytes().into() },
            capabilities: capabilities.clone(),
            leaf_node_source: LeafNodeSource::KeyPackage {
                lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
            },
            extensions: Extensions::default(),
            signature: Signature::default(),
        };
        let key_package = KeyPackage {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            init_key: init_key_pair.public.clone(),
            leaf_node,
            extensions: Extensions::default(),
            signature: Signature::default(),
        };
        let mut client = Self { key_package, init_key_pair, leaf_key_pair, signature_private, signer };
        client.change(suite, |_| {})?;
        Ok(client)
    }

    /// Changes the KeyPackage, and then signs its leaf node and the KeyPackage itself.
    pub(crate) fn change(&mut self, suite: Suite, change: impl FnOnce(&mut KeyPackage)) -> Forging<()> {
        change(&mut self.key_package);
        sign_key_package(suite, &mut self.key_package, &*self.signer)
    }
}

/// Signs the leaf node of a KeyPackage and then the KeyPackage itself. The signature key in the
/// leaf node may differ from the signer's key.
pub(crate) fn sign_key_package(
    suite: Suite,
    key_package: &mut KeyPackage,
    signer: &dyn Signer,
) -> Forging<()> {
    // The leaf of a KeyPackage does not belong to a group yet, so the leaf index is not signed.
    sign_leaf(suite, &mut key_package.leaf_node, (&GroupId::default(), LeafIndex(0)), signer)?;
    sign_around_leaf(suite, key_package, signer)
}

/// Signs a KeyPackage without signing its leaf node again.
pub(crate) fn sign_around_leaf(
    suite: Suite,
    key_package: &mut KeyPackage,
    signer: &dyn Signer,
) -> Forging<()> {
    let to_be_signed = key_package.to_be_signed()?;
    key_package.signature = suite.sign_with_label(signer, "KeyPackageTBS", &to_be_signed)?;
    Ok(())
}

/// Signs a leaf node for the given leaf index of a group.
pub(crate) fn sign_leaf(
    suite: Suite,
    leaf_node: &mut LeafNode,
    position: (&GroupId, LeafIndex),
    signer: &dyn Signer,
) -> Forging<()> {
    let to_be_signed = leaf_node.to_be_signed(position)?;
    leaf_node.signature = suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed)?;
    Ok(())
}
