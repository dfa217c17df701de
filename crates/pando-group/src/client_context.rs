//! What a client brings to every operation.

use crate::identity::Identities;
use crate::{GroupConfig, GroupError, GroupRules, IdentityPolicy, Misuse, PskStore, Violation};
use pando_crypto::{CryptoProvider, Signer, Suite};
use pando_wire::{CipherSuite, GroupId, SignaturePublicKey};

/// A client: what it signs with, what it believes, and what it has. It is made anew for each operation, or
/// kept; copying it costs nothing.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// The cipher suites that it has.
    pub crypto: &'a dyn CryptoProvider,
    /// Its signature key: that of its leaf in the group at hand.
    pub signer: &'a dyn Signer,
    /// Whose credentials it accepts.
    pub policy: &'a dyn IdentityPolicy,
    /// Rules of the application that all members of a group share.
    pub rules: &'a dyn GroupRules,
    /// Its pre-shared keys.
    pub psks: &'a dyn PskStore,
    /// Which groups it is in, by their identifiers: it joins none of them, be it by a Welcome or by an external Commit
    /// (section 12.4.3), unless it comes back, and lets none of them follow from another group.
    pub is_in_group: &'a dyn Fn(&GroupId) -> bool,
    /// The time in seconds since 1970. Lifetimes of what is about to be added are compared with it, and
    /// nothing is if there is none.
    pub now: Option<u64>,
    /// How the groups are kept that it creates and joins.
    pub config: GroupConfig,
}

impl std::fmt::Debug for Client<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("now", &self.now).field("config", &self.config).finish_non_exhaustive()
    }
}

impl<'a> Client<'a> {
    pub(crate) const fn identities(&self) -> Identities<'a> {
        Identities { policy: self.policy, now: self.now }
    }

    pub(crate) fn suite(&self, cipher_suite: CipherSuite) -> Result<Suite, Misuse> {
        self.crypto.suite(cipher_suite).ok_or(Misuse::UnsupportedCipherSuite)
    }

    /// The client's signature key must be the one that others will verify with.
    pub(crate) fn check_signer(&self, key: Option<&SignaturePublicKey>) -> Result<(), GroupError> {
        if key == Some(self.signer.public_key()) { Ok(()) } else { Err(Misuse::WrongSigner.into()) }
    }

    /// Returns an error if the client is in a group with this identifier.
    pub(crate) fn check_not_in_group(&self, group_id: &GroupId) -> Result<(), Violation> {
        if (self.is_in_group)(group_id) { Err(Violation::AlreadyInGroup) } else { Ok(()) }
    }
}
