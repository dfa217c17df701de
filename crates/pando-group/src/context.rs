//! Settings and inputs of one call.

use crate::identity::Identities;
use crate::{
    GroupConfig, GroupError, GroupRules, IdentityPolicy, KnownGroups, Misuse, NoGroups, NoPsks, PskStore,
    Violation,
};
use pando_crypto::{CryptoProvider, Signer, Suite};
use pando_wire::{CipherSuite, GroupId, SignaturePublicKey};
use std::fmt;

/// Settings and inputs of one call: the settings of the [`Client`](crate::Client), the signer, the
/// time, the pre-shared keys and the known groups.
///
/// [`Client::at`](crate::Client::at) returns a context. Copying a context is cheap.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub(crate) crypto: &'a dyn CryptoProvider,
    pub(crate) policy: &'a dyn IdentityPolicy,
    pub(crate) rules: &'a dyn GroupRules,
    pub(crate) config: GroupConfig,
    pub(crate) signer: &'a dyn Signer,
    pub(crate) now: Option<u64>,
    pub(crate) psks: &'a dyn PskStore,
    pub(crate) groups: &'a dyn KnownGroups,
}

impl<'a> Context<'a> {
    pub(crate) const fn new(
        crypto: &'a dyn CryptoProvider,
        policy: &'a dyn IdentityPolicy,
        rules: &'a dyn GroupRules,
        config: GroupConfig,
        signer: &'a dyn Signer,
    ) -> Self {
        Self { crypto, policy, rules, config, signer, now: None, psks: &NoPsks, groups: &NoGroups }
    }

    /// Sets the time, in seconds since 1970.
    #[must_use]
    pub const fn at(self, now: u64) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Sets the signer, which holds the signature key of our leaf in this group.
    #[must_use]
    pub const fn with_signer(self, signer: &'a dyn Signer) -> Self {
        Self { signer, ..self }
    }

    /// Sets the pre-shared keys. Default: none.
    #[must_use]
    pub const fn with_psks(self, psks: &'a dyn PskStore) -> Self {
        Self { psks, ..self }
    }

    /// Sets the groups that the client is in.
    ///
    /// By default, the list of groups is empty. An empty list is sufficient if the client's store
    /// rejects a second group with the identifier of an existing one.
    #[must_use]
    pub const fn with_groups(self, groups: &'a dyn KnownGroups) -> Self {
        Self { groups, ..self }
    }

    /// Sets the group settings, which replace those of the client.
    #[must_use]
    pub const fn with_config(self, config: GroupConfig) -> Self {
        Self { config, ..self }
    }

    /// Sets the identity policy of this group, which replaces that of the client.
    #[must_use]
    pub const fn with_policy(self, policy: &'a dyn IdentityPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the rules of this group, which replace those of the client.
    #[must_use]
    pub const fn with_rules(self, rules: &'a dyn GroupRules) -> Self {
        Self { rules, ..self }
    }

    /// Sets the cryptographic backend, which replaces that of the client.
    #[must_use]
    pub const fn with_crypto(self, crypto: &'a dyn CryptoProvider) -> Self {
        Self { crypto, ..self }
    }

    /// Returns the signer, which holds the signature key.
    #[must_use]
    pub const fn signer(&self) -> &'a dyn Signer {
        self.signer
    }

    /// Returns the identity policy.
    #[must_use]
    pub const fn policy(&self) -> &'a dyn IdentityPolicy {
        self.policy
    }

    pub(crate) const fn identities(&self) -> Identities<'a> {
        Identities { policy: self.policy, now: self.now }
    }

    pub(crate) fn suite(&self, cipher_suite: CipherSuite) -> Result<Suite, Misuse> {
        self.crypto.suite(cipher_suite).ok_or(Misuse::UnsupportedCipherSuite)
    }

    /// Checks that the signer's key is the key with which other members verify our signatures.
    pub(crate) fn check_signer(&self, key: Option<&SignaturePublicKey>) -> Result<(), Misuse> {
        if key == Some(self.signer.public_key()) { Ok(()) } else { Err(Misuse::WrongSigner) }
    }

    /// Checks that the client is not in a group with this identifier.
    pub(crate) fn check_not_in_group(&self, group_id: &GroupId) -> Result<(), GroupError> {
        if self.groups.is_in_group(group_id)? { Err(Violation::AlreadyInGroup.into()) } else { Ok(()) }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("now", &self.now)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
