//! Joining by a Welcome (RFC 9420, section 12.4.3.1).
//!
//! [`Group::join`] joins a group in a single call. A client can also join in several steps, to
//! inspect the group first or to obtain the PSKs or the tree. An [`Invitation`] leads to an
//! [`Offer`], and the offer to a [`VerifiedOffer`]. Each step borrows the previous one. If an input
//! is missing, the caller can obtain it and repeat the step.

use crate::operations::group_info::verify_group_info;
use crate::psk::{is_resumption, psk_secret};
use crate::state::epoch_secrets::copy;
use crate::state::group::Group;
use crate::state::public_state::PublicState;
use crate::{Context, GroupError, KeyPackageBundle, Missing, Misuse, Unpersisted, Violation};
use pando_crypto::{SecretBytes, Suite};
use pando_schedule::{IntermediateSecret, JoinerSecret};
use pando_tree::PrivateKeys;
use pando_wire::{
    Decode, ExtensionType, GroupId, GroupInfo, GroupSecrets, KeyPackage, LeafIndex, PreSharedKeyId, Welcome,
};
use std::collections::BTreeSet;
use std::fmt;

impl Group {
    /// Joins a group by a Welcome for the KeyPackage in `bundle`. `tree` is the ratchet tree that a
    /// member has exported. The argument is required if the Welcome does not contain the tree.
    ///
    /// On success, the bundle is consumed. Delete the bundle's private keys in the transaction that
    /// stores the Delta, unless it is a KeyPackage of last resort (section 16.8).
    ///
    /// # Errors
    /// - [`Missing`] if the Welcome is for another KeyPackage, or if a PSK or the tree is missing.
    /// - [`crate::Misuse::UnsupportedCipherSuite`] if the client does not support the group's
    ///   cipher suite; [`crate::Misuse::WrongSigner`] if the KeyPackage does not have the signer's
    ///   key.
    /// - [`crate::Misuse::OldGroupNeeded`] if the group is a successor of another group by
    ///   reinitialization or branching. Use [`Group::join_successor`] to join such a group.
    /// - [`GroupError::Violation`], [`GroupError::Tree`] if the group is invalid.
    pub fn join(
        welcome: &Welcome,
        bundle: &KeyPackageBundle,
        tree: Option<&[u8]>,
        cx: &Context<'_>,
    ) -> Result<Unpersisted<Self>, GroupError> {
        Invitation::open(welcome, bundle, cx)?.mix_psks(cx)?.verify(tree, cx)?.accept(cx)
    }

    /// Joins a group without checking its relation to another group. Also returns the identifiers
    /// of the PSKs that were used.
    pub(crate) fn join_any(
        welcome: &Welcome,
        bundle: &KeyPackageBundle,
        tree: Option<&[u8]>,
        cx: &Context<'_>,
    ) -> Result<(Self, Vec<PreSharedKeyId>), GroupError> {
        let invitation = Invitation::open(welcome, bundle, cx)?;
        let group = invitation.mix_psks(cx)?.verify(tree, cx)?.enter(cx)?;
        Ok((group, invitation.secrets.psks))
    }
}

/// The secrets of a Welcome for one of our KeyPackages. The GroupInfo of the Welcome is still
/// encrypted, because its key depends on the PSKs.
pub struct Invitation<'a> {
    suite: Suite,
    welcome: &'a Welcome,
    bundle: &'a KeyPackageBundle,
    secrets: GroupSecrets,
}

impl<'a> Invitation<'a> {
    /// Decrypts the secrets that a Welcome contains for the KeyPackage in `bundle`.
    ///
    /// # Errors
    /// - [`Missing::WelcomeSecrets`] if the Welcome contains no secrets for that KeyPackage.
    /// - [`Misuse::UnsupportedCipherSuite`] if the client does not support the group's cipher
    ///   suite; [`Misuse::WrongSigner`] if the KeyPackage does not have the signer's key.
    /// - [`GroupError::Crypto`], [`GroupError::Malformed`], [`GroupError::Violation`] if the
    ///   secrets are invalid.
    pub fn open(
        welcome: &'a Welcome,
        bundle: &'a KeyPackageBundle,
        cx: &Context<'_>,
    ) -> Result<Self, GroupError> {
        let suite = cx.suite(welcome.cipher_suite)?;
        cx.check_signer(Some(&bundle.key_package.leaf_node.signature_key))?;
        let secrets = open_secrets(suite, welcome, bundle)?;
        check_psks(suite, &secrets.psks)?;
        Ok(Self { suite, welcome, bundle, secrets })
    }

    /// Returns the identifiers of the PSKs that are required to join.
    pub fn psk_ids(&self) -> &[PreSharedKeyId] {
        &self.secrets.psks
    }

    /// Decrypts the GroupInfo of the Welcome with the PSKs.
    ///
    /// # Errors
    /// [`Missing::Psk`] if a PSK is missing; [`GroupError::Schedule`] if the GroupInfo cannot be
    /// decrypted, possibly because a PSK is wrong.
    pub fn mix_psks(&self, cx: &Context<'_>) -> Result<Offer<'_>, GroupError> {
        let (suite, secrets) = (self.suite, &self.secrets);
        let psk_secret = psk_secret(suite, &secrets.psks, |_, _| None, cx.psks)?;
        let joiner = JoinerSecret::from(secrets.joiner_secret.expose());
        let intermediate = joiner.with_psk_secret(suite, &psk_secret);
        let welcome_secret = intermediate.welcome_secret(suite)?;
        let group_info = welcome_secret.open(suite, &self.welcome.encrypted_group_info)?;
        Ok(Offer { invitation: self, intermediate, group_info })
    }
}

impl fmt::Debug for Invitation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("psk_ids", &self.secrets.psks).finish_non_exhaustive()
    }
}

/// The decrypted GroupInfo of a Welcome. The GroupInfo is not yet verified, because verification
/// requires the tree.
pub struct Offer<'a> {
    invitation: &'a Invitation<'a>,
    intermediate: IntermediateSecret,
    group_info: GroupInfo,
}

impl Offer<'_> {
    /// Returns the identifier of the group as claimed by the inviter, which is not authenticated.
    pub const fn group_id(&self) -> &GroupId {
        &self.group_info.group_context.group_id
    }

    /// Returns the epoch of the group as claimed by the inviter, which is not authenticated.
    pub const fn epoch(&self) -> u64 {
        self.group_info.group_context.epoch
    }

    /// Returns whether the Welcome lacks the ratchet tree.
    pub fn needs_tree(&self) -> bool {
        self.group_info.extensions.get(ExtensionType::RATCHET_TREE).is_none()
    }

    /// Verifies the GroupInfo and the ratchet tree. `tree` is the tree that a member has exported.
    /// The argument is required if the Welcome does not contain the tree.
    ///
    /// # Errors
    /// - [`Missing::Tree`] if the tree is neither in the Welcome nor given.
    /// - [`GroupError::Violation`], [`GroupError::Leaf`], [`GroupError::Tree`] if the group is
    ///   invalid, or if the client is already in a group with this identifier.
    /// - [`GroupError::Exceeded`] if the group exceeds a limit of this client.
    pub fn verify(&self, tree: Option<&[u8]>, cx: &Context<'_>) -> Result<VerifiedOffer<'_>, GroupError> {
        let Invitation { suite, bundle, secrets, .. } = self.invitation;
        let public = verify_group_info(*suite, &self.group_info, tree, cx.identities(), &cx.config.limits)?;
        check_resumption(&secrets.psks, &self.group_info)?;
        cx.check_not_in_group(&public.context.group_id)?;
        let own_leaf = find_own_leaf(&public, &bundle.key_package)?;
        Ok(VerifiedOffer { offer: self, public, own_leaf })
    }
}

impl fmt::Debug for Offer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("group_info", &self.group_info).finish_non_exhaustive()
    }
}

/// A verified group that the client can join. The inviter's signature covers the state that
/// [`VerifiedOffer::state`] returns.
pub struct VerifiedOffer<'a> {
    offer: &'a Offer<'a>,
    public: PublicState,
    own_leaf: LeafIndex,
}

impl VerifiedOffer<'_> {
    /// Returns the public state of the group to join, including its members.
    pub const fn state(&self) -> &PublicState {
        &self.public
    }

    /// Returns the leaf of the member that signed the Welcome's GroupInfo.
    pub const fn inviter(&self) -> LeafIndex {
        self.offer.group_info.signer
    }

    /// Returns the leaf that the client will have in the group.
    pub const fn own_leaf(&self) -> LeafIndex {
        self.own_leaf
    }

    /// Returns the KeyPackage that joining consumes. Delete the KeyPackage's private keys in the
    /// transaction that stores the Delta, unless it is a KeyPackage of last resort.
    pub const fn key_package(&self) -> &KeyPackage {
        &self.offer.invitation.bundle.key_package
    }

    /// Joins the group.
    ///
    /// # Errors
    /// - [`Misuse::OldGroupNeeded`] if the group is a successor of another group. Use
    ///   [`Group::join_successor`] to join such a group.
    /// - [`Violation::ConfirmationTag`], [`GroupError::Tree`] if the secrets in the Welcome do not
    ///   belong to the group.
    pub fn accept(self, cx: &Context<'_>) -> Result<Unpersisted<Group>, GroupError> {
        let group = self.enter(cx)?;
        follows_from_none(&self.offer.invitation.secrets.psks)?;
        group.begin_instance()
    }

    /// Derives the keys, and returns a group that has no instance yet.
    fn enter(&self, cx: &Context<'_>) -> Result<Group, GroupError> {
        let Offer { invitation, intermediate, group_info } = self.offer;
        let Invitation { suite, bundle, secrets, .. } = invitation;
        let (suite, public) = (*suite, &self.public);
        let mut private_keys = PrivateKeys::new(&public.tree, self.own_leaf, copy(&bundle.leaf_key_pair))?;
        if let Some(path_secret) = &secrets.path_secret {
            let path_secret = SecretBytes::from(path_secret.path_secret.expose());
            private_keys.join_path(&public.tree, group_info.signer, path_secret)?;
        }
        let epoch_secrets = intermediate.epoch_secret(suite, &public.context)?.derive(suite)?;
        let transcript = &public.context.confirmed_transcript_hash;
        if !epoch_secrets.confirmation_key.verify(suite, transcript, &group_info.confirmation_tag) {
            return Err(Violation::ConfirmationTag.into());
        }
        Ok(Group::new(public.clone(), private_keys, epoch_secrets, cx.config))
    }
}

impl fmt::Debug for VerifiedOffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedOffer").field("context", &self.public.context).finish_non_exhaustive()
    }
}

fn open_secrets(
    suite: Suite,
    welcome: &Welcome,
    bundle: &KeyPackageBundle,
) -> Result<GroupSecrets, GroupError> {
    if bundle.key_package.cipher_suite != suite.cipher_suite() {
        return Err(Violation::GroupInfoSuite.into());
    }
    let reference = suite.key_package_ref(&bundle.key_package)?;
    let entry = welcome.secrets.iter().find(|entry| entry.new_member == reference);
    let entry = entry.ok_or(Missing::WelcomeSecrets)?;
    let secrets = suite.decrypt_with_label(
        &bundle.init_key_pair,
        "Welcome",
        &welcome.encrypted_group_info,
        &entry.encrypted_group_secrets,
    )?;
    Ok(GroupSecrets::decode(secrets.expose())?)
}

/// Checks that the PSKs satisfy the rules for a Commit (sections 8.4 and 12.2), and that at most
/// one of them is for reinitialization or branching.
fn check_psks(suite: Suite, psks: &[PreSharedKeyId]) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for id in psks {
        if id.psk_nonce.len() != suite.hash_len() {
            return Err(Violation::PskNonce);
        }
        if !seen.insert((&id.psk, &id.psk_nonce)) {
            return Err(Violation::DuplicatePsk);
        }
    }
    if psks.iter().filter(|id| is_resumption(id)).count() > 1 {
        Err(Violation::SeveralResumptionPsks)
    } else {
        Ok(())
    }
}

/// Checks that the successor of a group is in epoch 1.
fn check_resumption(psks: &[PreSharedKeyId], group_info: &GroupInfo) -> Result<(), Violation> {
    if psks.iter().any(is_resumption) && group_info.group_context.epoch != 1 {
        Err(Violation::FirstEpoch)
    } else {
        Ok(())
    }
}

/// Returns the index of the leaf that equals the leaf of the KeyPackage.
fn find_own_leaf(public: &PublicState, key_package: &KeyPackage) -> Result<LeafIndex, GroupError> {
    let own = &key_package.leaf_node;
    let leaf = public.tree.find_signature_key(&own.signature_key)?.ok_or(Violation::OwnLeafMissing)?;
    if public.tree.leaf(leaf)?.as_ref() == Some(own) {
        Ok(leaf)
    } else {
        Err(Violation::OwnLeafMissing.into())
    }
}

/// Checks that a group is not a successor of another group.
fn follows_from_none(ids: &[PreSharedKeyId]) -> Result<(), Misuse> {
    if ids.iter().any(is_resumption) { Err(Misuse::OldGroupNeeded) } else { Ok(()) }
}
