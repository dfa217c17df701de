//! Joining by a Welcome (RFC 9420, section 12.4.3.1).

use crate::operations::group_info::verify_group_info;
use crate::psk::{is_resumption, psk_secret};
use crate::state::epoch_secrets::copy;
use crate::state::group::Group;
use crate::state::public_state::PublicState;
use crate::{Client, GroupError, KeyPackageBundle, Missing, Misuse, Unpersisted, Violation};
use pando_crypto::{SecretBytes, Suite};
use pando_schedule::JoinerSecret;
use pando_tree::PrivateKeys;
use pando_wire::{Decode, GroupInfo, GroupSecrets, KeyPackage, LeafIndex, PreSharedKeyId, Welcome};
use std::collections::BTreeSet;

impl Group {
    /// Joins by a Welcome for the KeyPackage of `bundle`. `tree` is needed if the Welcome does not have it, as it was
    /// exported. After success the bundle is used up: its private keys are to be deleted in the transaction that stores
    /// the Delta, unless it is one of last resort (section 16.8).
    ///
    /// # Errors
    /// - [`Missing`] if the Welcome is for another KeyPackage, or a PSK or the tree is not there.
    /// - [`crate::Misuse::UnsupportedCipherSuite`]; [`crate::Misuse::WrongSigner`] if the client has not signed the KeyPackage.
    /// - [`crate::Misuse::OldGroupNeeded`] if the group follows from another one by reinitialization or
    ///   branching: [`Group::join_successor`] is for that.
    /// - [`GroupError::Violation`], [`GroupError::Tree`] if the group is not as it must be.
    pub fn join(
        welcome: &Welcome,
        bundle: &KeyPackageBundle,
        tree: Option<&[u8]>,
        client: &Client<'_>,
    ) -> Result<Unpersisted<Self>, GroupError> {
        let (group, ids) = Self::join_any(welcome, bundle, tree, client)?;
        follows_from_none(&ids)?;
        group.begin_instance()
    }

    /// Section 12.4.3.1, but for the relation to another group; with the PSKs that were used.
    pub(crate) fn join_any(
        welcome: &Welcome,
        bundle: &KeyPackageBundle,
        tree: Option<&[u8]>,
        client: &Client<'_>,
    ) -> Result<(Self, Vec<PreSharedKeyId>), GroupError> {
        let suite = client.suite(welcome.cipher_suite)?;
        client.check_signer(Some(&bundle.key_package.leaf_node.signature_key))?;
        // The secrets.
        let secrets = open_secrets(suite, welcome, bundle)?;
        check_psks(suite, &secrets.psks)?;
        let psk_secret = psk_secret(suite, &secrets.psks, |_, _| None, client.psks)?;
        let joiner = JoinerSecret::from(secrets.joiner_secret.expose());
        let intermediate = joiner.with_psk_secret(suite, &psk_secret);
        let group_info = intermediate.welcome_secret(suite)?.open(suite, &welcome.encrypted_group_info)?;

        // The group.
        let public = verify_group_info(suite, &group_info, tree, client.identities(), &client.config.limits)?;
        check_resumption(&secrets.psks, &group_info)?;
        client.check_not_in_group(&public.context.group_id)?;
        let own_leaf = find_own_leaf(&public, &bundle.key_package)?;

        // The keys.
        let mut private_keys = PrivateKeys::new(&public.tree, own_leaf, copy(&bundle.leaf_key_pair))?;
        if let Some(path_secret) = &secrets.path_secret {
            let path_secret = SecretBytes::from(path_secret.path_secret.expose());
            private_keys.join_path(&public.tree, group_info.signer, path_secret)?;
        }
        let epoch_secrets = intermediate.epoch_secret(suite, &public.context)?.derive(suite)?;
        let transcript = &public.context.confirmed_transcript_hash;
        if !epoch_secrets.confirmation_key.verify(suite, transcript, &group_info.confirmation_tag) {
            return Err(Violation::ConfirmationTag.into());
        }
        Ok((Self::new(public, private_keys, epoch_secrets, client.config), secrets.psks))
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

/// The PSKs are such as a Commit can have (sections 8.4 and 12.2), and at most one is for reinitialization or
/// branching.
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

/// A group that was reinitialized or branched begins with epoch 1.
fn check_resumption(psks: &[PreSharedKeyId], group_info: &GroupInfo) -> Result<(), Violation> {
    if psks.iter().any(is_resumption) && group_info.group_context.epoch != 1 {
        Err(Violation::FirstEpoch)
    } else {
        Ok(())
    }
}

/// The leaf that is the one in the KeyPackage.
fn find_own_leaf(public: &PublicState, key_package: &KeyPackage) -> Result<LeafIndex, GroupError> {
    let own = &key_package.leaf_node;
    let leaf = public.tree.find_signature_key(&own.signature_key)?.ok_or(Violation::OwnLeafMissing)?;
    if public.tree.leaf(leaf)?.as_ref() == Some(own) {
        Ok(leaf)
    } else {
        Err(Violation::OwnLeafMissing.into())
    }
}

/// What a Welcome to a group that follows from no other cannot have.
fn follows_from_none(ids: &[PreSharedKeyId]) -> Result<(), Misuse> {
    if ids.iter().any(is_resumption) { Err(Misuse::OldGroupNeeded) } else { Ok(()) }
}
