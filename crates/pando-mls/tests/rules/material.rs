//! Material for the raw member: proposals of every kind, invalid KeyPackages, and policies.

pub(crate) use crate::make::{add, custom, external_senders, psk, remove, set_extensions};

use crate::raw_member::RawMember;
use pando_crypto::{HpkeKeyPair, Signer, Suite};
use pando_mls::{
    BasicIdentities, IdentityError, IdentityPolicy, KeyPackageBundle, KeyPackageTemplate, PskStore, PskValue,
    SecretBytes, SourceError, Violation,
};
use pando_wire::{
    Credential, Encode, Extension, ExtensionType, Extensions, ExternalInit, GroupId, KeyPackage, LeafIndex,
    LeafNode, LeafNodeSource, PreSharedKeyId, Proposal, ProposalOrRef, Psk, ReInit, RequiredCapabilities,
    SignaturePublicKey, Update,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// An extension type that all members support. No member supports [`UNKNOWN`].
pub(crate) const LISTED: ExtensionType = ExtensionType(0xf00e);
pub(crate) const UNKNOWN: ExtensionType = ExtensionType(0xf00d);

/// Returns the KeyPackage template of a valid client.
pub(crate) fn template() -> KeyPackageTemplate {
    let mut template = crate::group_fixture::template();
    template.capabilities.extensions.push(LISTED);
    template
}

/// A change that violates a rule, and the rule that it violates.
pub(crate) type Wrong<T> = (fn(&mut T), Violation);

pub(crate) fn update(leaf_node: LeafNode) -> Proposal {
    Proposal::Update(Box::new(Update { leaf_node }))
}

pub(crate) fn psk_id(psk: Psk, nonce_len: usize) -> PreSharedKeyId {
    PreSharedKeyId { psk, psk_nonce: vec![1; nonce_len].into() }
}

pub(crate) fn reinit(reinit: ReInit) -> Proposal {
    Proposal::ReInit(Box::new(reinit))
}

pub(crate) fn external_init() -> Proposal {
    Proposal::ExternalInit(ExternalInit { kem_output: vec![1; 32].into() })
}

pub(crate) fn extension(extension_type: ExtensionType, data: &[u8]) -> Extension {
    Extension { extension_type, extension_data: data.into() }
}

pub(crate) fn required(required: &RequiredCapabilities) -> Extensions {
    Extensions(vec![Extension::new(required).unwrap()])
}

pub(crate) fn by_value(proposals: &[Proposal]) -> Vec<ProposalOrRef> {
    proposals.iter().cloned().map(ProposalOrRef::Proposal).collect()
}

/// A KeyPackage that was changed and then signed by its owner.
pub(crate) struct ForgedKeyPackage {
    pub(crate) key_package: KeyPackage,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) init_key_pair: HpkeKeyPair,
    pub(crate) leaf_key_pair: HpkeKeyPair,
}

impl ForgedKeyPackage {
    /// Returns the KeyPackage of a client whose template is modified by `change`.
    pub(crate) fn of(raw_member: &mut RawMember, change: impl FnOnce(&mut KeyPackageTemplate)) -> Self {
        let (suite, rng) = (raw_member.suite, &mut raw_member.rng);
        let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
        let KeyPackageBundle { key_package, init_key_pair, leaf_key_pair } =
            KeyPackageBundle::new(suite, template(), &*signer, rng).unwrap();
        // The following changes are made by hand, because a valid client does not make them.
        let mut template = template();
        change(&mut template);
        let KeyPackageTemplate { credential, capabilities, lifetime, leaf_extensions, extensions } = template;
        let honest = Self { key_package, signer, init_key_pair, leaf_key_pair };
        honest.change(suite, |key_package| {
            let leaf = &mut key_package.leaf_node;
            (leaf.credential, leaf.capabilities) = (credential, capabilities);
            leaf.leaf_node_source = LeafNodeSource::KeyPackage { lifetime };
            (leaf.extensions, key_package.extensions) = (leaf_extensions, extensions);
        })
    }

    /// Changes a KeyPackage, and signs first its leaf and then the KeyPackage itself.
    pub(crate) fn change(mut self, suite: Suite, change: impl FnOnce(&mut KeyPackage)) -> Self {
        change(&mut self.key_package);
        let leaf_node = &mut self.key_package.leaf_node;
        let to_be_signed = leaf_node.to_be_signed((&GroupId::default(), LeafIndex(0))).unwrap();
        leaf_node.signature = suite.sign_with_label(&*self.signer, "LeafNodeTBS", &to_be_signed).unwrap();
        let to_be_signed = self.key_package.to_be_signed().unwrap();
        self.key_package.signature =
            suite.sign_with_label(&*self.signer, "KeyPackageTBS", &to_be_signed).unwrap();
        self
    }

    /// Returns the KeyPackage with its private keys. The function can be called repeatedly.
    pub(crate) fn bundle(&self) -> KeyPackageBundle {
        let again = |pair: &HpkeKeyPair| HpkeKeyPair {
            private: SecretBytes::from(pair.private.expose()).into(),
            public: pair.public.clone(),
        };
        KeyPackageBundle {
            key_package: self.key_package.clone(),
            init_key_pair: again(&self.init_key_pair),
            leaf_key_pair: again(&self.leaf_key_pair),
        }
    }
}

/// Returns the KeyPackage of a client whose template is modified by `change`.
pub(crate) fn key_package(
    raw_member: &mut RawMember,
    change: impl FnOnce(&mut KeyPackageTemplate),
) -> KeyPackage {
    ForgedKeyPackage::of(raw_member, change).key_package
}

/// Returns the signer of a client outside the group.
pub(crate) fn stranger(suite: Suite) -> Box<dyn Signer> {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap()
}

/// A PSK store that contains a resumption PSK for every group and epoch.
pub(crate) struct OldPsk;

impl PskStore for OldPsk {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(vec![1].into()))
    }
}

/// A policy that accepts all credentials.
pub(crate) struct AnyIdentity;

impl IdentityPolicy for AnyIdentity {
    fn validate(&self, _: &Credential, _: &SignaturePublicKey, _: Option<u64>) -> Result<(), IdentityError> {
        Ok(())
    }

    fn may_succeed(&self, _: &Credential, _: &Credential) -> bool {
        true
    }
}

/// The longest lifetime that `Strict` accepts.
pub(crate) const DAY: u64 = 86_400;

/// A policy that rejects empty names, duplicate clients, lifetimes of more than one day, and all
/// external senders.
pub(crate) struct Strict;

impl IdentityPolicy for Strict {
    fn validate(
        &self,
        credential: &Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), IdentityError> {
        match credential {
            Credential::Basic { identity } if identity.is_empty() => Err(IdentityError("no name".into())),
            other => BasicIdentities.validate(other, key, now),
        }
    }

    fn validate_external_sender(
        &self,
        _: &Credential,
        _: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), IdentityError> {
        Err(IdentityError("no servers".into()))
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        credential.encode().ok()
    }

    fn max_lifetime(&self) -> u64 {
        DAY
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}
