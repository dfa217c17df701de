//! The secrets of one epoch that a member holds.

use crate::GroupConfig;
use pando_crypto::{HpkeKeyPair, SecretBytes};
use pando_schedule::{
    EpochAuthenticator, EpochSecrets, ExporterSecret, ExternalSecret, InitSecret, MembershipKey,
    ResumptionPsk, SecretTree, SenderDataSecret,
};
use pando_tree::Tree;
use pando_wire::GroupContext;

/// The secrets derived from an epoch secret that are still needed.
#[derive(Debug)]
pub(crate) struct EpochKeys {
    pub(crate) sender_data: SenderDataSecret,
    pub(crate) secret_tree: SecretTree,
    pub(crate) exporter: ExporterSecret,
    pub(crate) external: ExternalSecret,
    pub(crate) membership_key: MembershipKey,
    pub(crate) resumption_psk: ResumptionPsk,
    pub(crate) epoch_authenticator: EpochAuthenticator,
    pub(crate) init: InitSecret,
}

/// The parts of a past epoch that are needed to decrypt late application messages.
#[derive(Debug)]
pub(crate) struct PastEpoch {
    pub(crate) context: GroupContext,
    pub(crate) sender_data: SenderDataSecret,
    pub(crate) secret_tree: SecretTree,
}

/// Copies a key pair. [`HpkeKeyPair`] does not implement `Clone`, so that copies are explicit.
pub(crate) fn copy(key_pair: &HpkeKeyPair) -> HpkeKeyPair {
    HpkeKeyPair { private: key_pair.private.expose().into(), public: key_pair.public.clone() }
}

impl EpochKeys {
    /// Returns the empty keys of a removed member. `secret_tree` contains no secrets either.
    pub(crate) fn erased(secret_tree: SecretTree) -> Self {
        let none = SecretBytes::default;
        Self {
            sender_data: none().into(),
            secret_tree,
            exporter: none().into(),
            external: none().into(),
            membership_key: none().into(),
            resumption_psk: none().into(),
            epoch_authenticator: none().into(),
            init: none().into(),
        }
    }

    pub(crate) fn new(secrets: EpochSecrets, tree: &Tree, config: &GroupConfig) -> Self {
        let EpochSecrets {
            sender_data,
            encryption,
            exporter,
            external,
            confirmation_key: _,
            membership_key,
            resumption_psk,
            epoch_authenticator,
            init,
        } = secrets;
        let secret_tree = SecretTree::new(tree.size(), encryption, config.ratchet_limits);
        Self {
            sender_data,
            secret_tree,
            exporter,
            external,
            membership_key,
            resumption_psk,
            epoch_authenticator,
            init,
        }
    }
}
