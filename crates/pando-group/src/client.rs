//! The settings of a client.

use crate::operations::key_package_bundle::capabilities;
use crate::{BasicIdentities, Context, DefaultRules, GroupConfig, GroupRules, IdentityPolicy};
use pando_crypto::{CryptoProvider, RustCrypto, Signer};
use pando_wire::{Capabilities, CredentialType, ExtensionType};
use std::fmt;
use std::sync::Arc;

/// The settings that all groups of a client share. Clones are cheap and share the same settings.
///
/// Each call takes a [`Context`], which combines these settings with the inputs that differ from
/// call to call:
///
/// ```
/// # use pando_group::{BasicIdentities, Client, Context};
/// # use pando_crypto::Signer;
/// # fn example(signer: &dyn Signer, now: u64) {
/// let client = Client::new(BasicIdentities);
/// let context: Context<'_> = client.at(now, signer);
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    crypto: Arc<dyn CryptoProvider>,
    policy: Arc<dyn IdentityPolicy>,
    rules: Arc<dyn GroupRules>,
    extensions: Arc<[ExtensionType]>,
    config: GroupConfig,
}

impl Client {
    /// Returns a client with the given identity policy and with default settings: [`RustCrypto`],
    /// [`DefaultRules`] and [`GroupConfig::default`]. All members of a group must use the same
    /// policy, such as [`BasicIdentities`], and the same rules.
    pub fn new(policy: impl IdentityPolicy + 'static) -> Self {
        Self {
            crypto: Arc::new(RustCrypto),
            policy: Arc::new(policy),
            rules: Arc::new(DefaultRules),
            extensions: Arc::new([]),
            config: GroupConfig::default(),
        }
    }

    /// Sets the cryptographic backend.
    #[must_use]
    pub fn with_crypto(self, crypto: impl CryptoProvider + 'static) -> Self {
        Self { crypto: Arc::new(crypto), ..self }
    }

    /// Sets the application's rules, which all members of a group share.
    #[must_use]
    pub fn with_rules(self, rules: impl GroupRules + 'static) -> Self {
        Self { rules: Arc::new(rules), ..self }
    }

    /// Sets the types of the extensions that the application implements. New leaves list them in
    /// their capabilities, so that a GroupContext may contain such extensions (section 7.2). The
    /// types that every client supports must not be among them.
    #[must_use]
    pub fn with_extensions(self, extensions: impl IntoIterator<Item = ExtensionType>) -> Self {
        Self { extensions: extensions.into_iter().collect(), ..self }
    }

    /// Sets the group settings, such as padding, limits and retention.
    #[must_use]
    pub fn with_config(self, config: GroupConfig) -> Self {
        Self { config, ..self }
    }

    /// Returns the group settings.
    #[must_use]
    pub const fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// Returns the cryptographic backend.
    #[must_use]
    pub fn crypto(&self) -> &dyn CryptoProvider {
        &*self.crypto
    }

    /// Returns the capabilities of a new leaf. The capabilities list the cipher suites of RFC 9420
    /// that the backend supports, the given credential type, and the application's extensions.
    #[must_use]
    pub fn capabilities(&self, credential: CredentialType) -> Capabilities {
        let extensions = self.extensions.to_vec();
        Capabilities { extensions, ..capabilities(&*self.crypto, credential) }
    }

    /// Returns the context for a call at the time `now`, in seconds since 1970. `signer` holds the
    /// signature key of our leaf in this group.
    #[must_use]
    pub fn at<'a>(&'a self, now: u64, signer: &'a dyn Signer) -> Context<'a> {
        Context { now: Some(now), ..self.without_clock(signer) }
    }

    /// Returns the context for a call by a client without a clock. Such a client adds members
    /// without checking whether their KeyPackages and credentials have expired.
    #[must_use]
    pub fn without_clock<'a>(&'a self, signer: &'a dyn Signer) -> Context<'a> {
        let (crypto, policy, rules) = (&*self.crypto, &*self.policy, &*self.rules);
        Context::new(crypto, policy, rules, self.config, signer)
    }
}

impl Default for Client {
    /// Returns a client that accepts basic credentials.
    fn default() -> Self {
        Self::new(BasicIdentities)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}
