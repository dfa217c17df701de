//! Creating a KeyPackage (RFC 9420, section 10).

use crate::rules::{extensions, leaf_node, sending};
use crate::{Context, GroupError, Misuse, Violation};
use pando_crypto::{CryptoProvider, CryptoRng, HpkeKeyPair, Signer, Suite};
use pando_wire::{
    Capabilities, CipherSuite, Credential, CredentialType, Extensions, GroupId, KeyPackage, LeafIndex,
    LeafNode, LeafNodeSource, Lifetime, ProtocolVersion, Signature,
};
use std::fmt;

/// The contents of a KeyPackage that the client chooses itself.
#[derive(Debug, Clone)]
pub struct KeyPackageTemplate {
    /// The client's credential.
    pub credential: Credential,
    /// The client's capabilities.
    pub capabilities: Capabilities,
    /// The period in which the KeyPackage may be used.
    pub lifetime: Lifetime,
    /// Extensions of the leaf.
    pub leaf_extensions: Extensions,
    /// Extensions of the KeyPackage.
    pub extensions: Extensions,
}

/// A KeyPackage with the private keys that are required to join a group by a Welcome.
#[derive(Debug)]
pub struct KeyPackageBundle {
    /// The public part, which the client publishes.
    pub key_package: KeyPackage,
    /// The key pair of the init key, which is used only once.
    pub init_key_pair: HpkeKeyPair,
    /// The key pair of the leaf's encryption key.
    pub leaf_key_pair: HpkeKeyPair,
}

/// The builder of a KeyPackage with the client's defaults.
#[must_use = "call build"]
pub struct KeyPackageBuilder<'a> {
    cx: Context<'a>,
    cipher_suite: CipherSuite,
    credential: Credential,
    capabilities: Option<Capabilities>,
    lifetime: Option<Lifetime>,
    leaf_extensions: Extensions,
    extensions: Extensions,
}

impl<'a> Context<'a> {
    /// Returns the builder of a KeyPackage. By default, the capabilities list the credential's type
    /// and all cipher suites of RFC 9420 that the client supports. The default lifetime is
    /// [`KeyPackageBuilder::DAYS`] days.
    pub fn key_package(&self, cipher_suite: CipherSuite, credential: Credential) -> KeyPackageBuilder<'a> {
        KeyPackageBuilder {
            cx: *self,
            cipher_suite,
            credential,
            capabilities: None,
            lifetime: None,
            leaf_extensions: Extensions::default(),
            extensions: Extensions::default(),
        }
    }
}

impl KeyPackageBuilder<'_> {
    /// Default lifetime of a KeyPackage, in days.
    pub const DAYS: u32 = 84;

    /// Sets the client's capabilities.
    pub fn capabilities(self, capabilities: Capabilities) -> Self {
        Self { capabilities: Some(capabilities), ..self }
    }

    /// Sets the period in which the KeyPackage may be used.
    pub fn lifetime(self, lifetime: Lifetime) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// Sets the extensions of the leaf.
    pub fn leaf_extensions(self, leaf_extensions: Extensions) -> Self {
        Self { leaf_extensions, ..self }
    }

    /// Sets the extensions of the KeyPackage.
    pub fn extensions(self, extensions: Extensions) -> Self {
        Self { extensions, ..self }
    }

    /// Creates the KeyPackage with fresh keys.
    ///
    /// # Errors
    /// - [`Misuse::TimeNeeded`] if no lifetime is set and the context has no time.
    /// - [`Misuse::UnsupportedCipherSuite`] if the client does not support the cipher suite. See
    ///   [`KeyPackageBundle::new`] for further errors.
    pub fn build(self, rng: &mut dyn CryptoRng) -> Result<KeyPackageBundle, GroupError> {
        let Self { cx, credential, leaf_extensions, extensions, .. } = self;
        let suite = cx.suite(self.cipher_suite)?;
        let supported = || capabilities(cx.crypto, credential.credential_type());
        let capabilities = self.capabilities.unwrap_or_else(supported);
        let lifetime = match (self.lifetime, cx.now) {
            (Some(lifetime), _) => lifetime,
            (None, Some(now)) => Lifetime::days(now, Self::DAYS),
            (None, None) => return Err(Misuse::TimeNeeded.into()),
        };
        let template = KeyPackageTemplate { credential, capabilities, lifetime, leaf_extensions, extensions };
        KeyPackageBundle::new(suite, template, cx.signer, rng)
    }
}

/// Returns the default capabilities of a client with this backend.
pub(crate) fn capabilities(crypto: &dyn CryptoProvider, credential: CredentialType) -> Capabilities {
    let supported = CipherSuite::ALL.into_iter().filter(|id| crypto.suite(*id).is_some());
    Capabilities::new(supported.collect::<Vec<_>>(), [credential])
}

impl fmt::Debug for KeyPackageBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPackageBuilder")
            .field("cipher_suite", &self.cipher_suite)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl KeyPackageBundle {
    /// Creates a KeyPackage with fresh keys.
    ///
    /// # Errors
    /// - [`Misuse::DefaultCapability`](crate::Misuse) if the capabilities list types that every
    ///   client supports (section 7.2), [`Misuse::SuiteNotListed`](crate::Misuse) if the
    ///   capabilities do not list the version and the cipher suite.
    /// - [`Misuse::NegativeLifetime`](crate::Misuse) if the lifetime ends before it begins.
    /// - [`GroupError::Violation`] if no member would add the client. Either the capabilities do
    ///   not cover the leaf and its extensions, or the signature key belongs to another cipher
    ///   suite.
    /// - [`GroupError::Crypto`] if the signer fails, [`GroupError::Encode`] if a field is too long.
    pub fn new(
        suite: Suite,
        template: KeyPackageTemplate,
        signer: &dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, GroupError> {
        sending::lifetime_is_ordered(&template.lifetime)?;
        sending::own_capabilities(&template.capabilities, suite)?;
        let init_key_pair = suite.hpke_generate_key_pair(rng)?;
        let leaf_key_pair = suite.hpke_generate_key_pair(rng)?;
        let KeyPackageTemplate { credential, capabilities, lifetime, leaf_extensions, extensions } = template;
        let mut leaf_node = LeafNode {
            encryption_key: leaf_key_pair.public.clone(),
            signature_key: signer.public_key().clone(),
            credential,
            capabilities,
            leaf_node_source: LeafNodeSource::KeyPackage { lifetime },
            extensions: leaf_extensions,
            signature: Signature::default(),
        };
        // The leaf of a KeyPackage belongs to no group yet, so its signature does not cover a
        // position.
        let to_be_signed = leaf_node.to_be_signed((&GroupId::default(), LeafIndex(0)))?;
        leaf_node.signature = suite.sign_with_label(signer, "LeafNodeTBS", &to_be_signed)?;
        // Check the signer's key, because it may belong to another cipher suite.
        suite.check_signature_public_key(&leaf_node.signature_key).map_err(|_| Violation::InvalidKey)?;
        leaf_node::supports_itself(&leaf_node)?;
        extensions::no_duplicates(&extensions)?;
        extensions::are_supported(&extensions, &leaf_node)?;
        let mut key_package = KeyPackage {
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            init_key: init_key_pair.public.clone(),
            leaf_node,
            extensions,
            signature: Signature::default(),
        };
        let to_be_signed = key_package.to_be_signed()?;
        key_package.signature = suite.sign_with_label(signer, "KeyPackageTBS", &to_be_signed)?;
        Ok(Self { key_package, init_key_pair, leaf_key_pair })
    }
}
