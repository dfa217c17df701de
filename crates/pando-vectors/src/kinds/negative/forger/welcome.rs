//! Welcomes and GroupInfos (RFC 9420, section 12.4.3) with arbitrary contents.

use super::{Forger, Forging, Sent, TestClient, lax_tree, psk_secret};
use pando_crypto::{SecretBytes, Signer};
use pando_wire::{
    Encode, EncryptedGroupSecrets, Extension, ExtensionBody, Extensions, ExternalPub, GroupInfo,
    GroupSecrets, LeafIndex, MlsMessage, PathSecret, RatchetTree, Signature, Welcome,
};

impl Forger {
    /// Returns the GroupInfo of the current epoch, which includes the ratchet tree and is signed by
    /// the member at leaf 0.
    pub(crate) fn group_info(&self) -> Forging<GroupInfo> {
        self.group_info_with(&self.tree.to_wire()?)
    }

    /// Like [`Self::group_info`], but with a tree that may differ from the group's tree.
    pub(crate) fn group_info_with(&self, tree: &RatchetTree) -> Forging<GroupInfo> {
        let external_pub = self.secrets.external.key_pair(self.suite)?.public;
        let ratchet_tree =
            Extension { extension_type: RatchetTree::TYPE, extension_data: tree.encode()?.into() };
        let mut group_info = GroupInfo {
            group_context: self.context.clone(),
            extensions: Extensions(vec![ratchet_tree, Extension::new(&ExternalPub { external_pub })?]),
            confirmation_tag: self.confirmation_tag.clone(),
            signer: LeafIndex(0),
            signature: Signature::default(),
        };
        let signer = self.member(LeafIndex(0))?;
        self.sign_group_info(&mut group_info, &*signer.signer)?;
        Ok(group_info)
    }

    pub(crate) fn sign_group_info(&self, group_info: &mut GroupInfo, signer: &dyn Signer) -> Forging<()> {
        let to_be_signed = group_info.to_be_signed()?;
        group_info.signature = self.suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed)?;
        Ok(())
    }

    /// Returns a Welcome that invites the client `to` into the current epoch.
    pub(crate) fn welcome(&mut self, to: &TestClient, path_secret: Option<&[u8]>) -> Forging<Sent> {
        let group_info = self.group_info()?;
        self.welcome_to(&group_info, to, path_secret)
    }

    /// Returns the Welcome to a group with the given tree. The GroupContext contains the hash of
    /// this tree even if the tree is invalid.
    pub(crate) fn welcome_with_tree(
        &mut self,
        tree: &RatchetTree,
        to: &TestClient,
        path_secret: Option<&[u8]>,
    ) -> Forging<Sent> {
        self.context.tree_hash = lax_tree::tree_hash(self.suite, tree)?;
        self.recompute_epoch()?;
        let group_info = self.group_info_with(tree)?;
        self.welcome_to(&group_info, to, path_secret)
    }

    /// Returns a Welcome with a GroupInfo that may differ from the group's GroupInfo.
    pub(crate) fn welcome_to(
        &mut self,
        group_info: &GroupInfo,
        to: &TestClient,
        path_secret: Option<&[u8]>,
    ) -> Forging<Sent> {
        let suite = self.suite;
        let welcome_secret =
            self.joiner.with_psk_secret(suite, &psk_secret(suite, &self.psks)?).welcome_secret(suite)?;
        let encrypted_group_info = welcome_secret.seal(suite, group_info)?;
        let secrets = GroupSecrets {
            joiner_secret: SecretBytes::from(self.joiner.expose()),
            path_secret: path_secret.map(|secret| PathSecret { path_secret: secret.into() }),
            psks: self.psks.iter().map(|(id, _)| id.clone()).collect(),
        };
        let encrypted_group_secrets = suite.encrypt_with_label(
            &to.key_package.init_key,
            "Welcome",
            &encrypted_group_info,
            &secrets.encode_secret()?,
            &mut self.rng,
        )?;
        let new_member = suite.key_package_ref(&to.key_package)?;
        let secrets = vec![EncryptedGroupSecrets { new_member, encrypted_group_secrets }];
        let welcome = Welcome { cipher_suite: suite.cipher_suite(), secrets, encrypted_group_info };
        Ok(Sent {
            bytes: MlsMessage::from(welcome).encode()?,
            authenticator: Some(self.secrets.epoch_authenticator.expose().to_vec()),
            resumption: Some(self.secrets.resumption_psk.expose().to_vec()),
        })
    }
}
