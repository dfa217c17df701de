//! A member that builds Commits with the secrets in its store and the lower crates, so that it can
//! violate the rules that the server cannot check.

use crate::fixture::Tale;
use pando_api::{HandshakeData, SignedHead, SubmitCommit};
use pando_framing::{FramingError, Padding, SignedContent, open_private};
use pando_mls::wire::{
    AuthenticatedContent, Commit, Content, ExternalPub, FramedContent, Mac, WireFormat, read_vector_header,
};
use pando_mls::{
    Decode, Encode, Extension, Extensions, GroupContext, GroupId, GroupInfo, LeafIndex, LeafNode,
    LeafTemplate, MlsMessage, MlsMessageBody, RatchetLimits, RatchetType, RowKey, Sender, Signature, Signer,
    Suite, Tree,
};
use pando_schedule::{
    CommitSecret, ConfirmedTranscriptHash, EpochSecrets, InitSecret, InterimTranscriptHash, MembershipKey,
    PskSecret, SecretTree,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::Arc;

/// What is wrong with a Commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    ConfirmationTag,
    MembershipTag,
    /// The ciphertexts of this node of the path, counted from the leaf.
    PathSecret(usize),
}

/// A member with the secrets of an epoch.
pub(crate) struct Rogue {
    suite: Suite,
    signer: Arc<dyn Signer>,
    leaf: LeafIndex,
    context: GroupContext,
    tree: Tree,
    confirmation_tag: Mac,
    membership_key: MembershipKey,
    init: InitSecret,
    rng: ChaCha20Rng,
}

/// The epoch that a Commit of the rogue has begun.
pub(crate) struct NewEpoch {
    suite: Suite,
    context: GroupContext,
    tree: Tree,
    secrets: EpochSecrets,
}

impl Rogue {
    /// Reads the secrets of a device.
    pub(crate) fn of(story: &mut Tale, name: &str, group_id: &GroupId) -> Self {
        let signer = Arc::clone(&story.certified(name).unwrap().signer);
        let session = story.engine(name).unwrap().session();
        #[allow(clippy::redundant_closure_for_method_calls, reason = "a path is not general enough")]
        let info = session.group_info(group_id, |info| info.without_tree()).unwrap();
        let MlsMessageBody::GroupInfo(info) = MlsMessage::decode(&info).unwrap().body else { panic!() };
        // The row of a member begins with its leaf, and continues with the secrets of the epoch.
        let row = session.store().row(group_id, RowKey::Member).unwrap().unwrap();
        let mut bytes = &row.expose()[4..];
        let mut secrets = Vec::new();
        while !bytes.is_empty() {
            let (len, rest) = read_vector_header(bytes).unwrap();
            let (secret, rest) = rest.split_at(len);
            secrets.push(secret.to_vec());
            bytes = rest;
        }
        let group = session.group(group_id).unwrap();
        let public = group.public();
        Self {
            suite: public.suite(),
            signer,
            leaf: group.own_leaf(),
            context: public.context().clone(),
            tree: public.tree().clone(),
            confirmation_tag: info.confirmation_tag.clone(),
            membership_key: secrets[3].clone().into(),
            init: secrets[6].clone().into(),
            rng: ChaCha20Rng::seed_from_u64(99),
        }
    }

    /// Returns a Commit with a path and without proposals.
    pub(crate) fn commit(&mut self, flaw: Flaw, head: Option<SignedHead>) -> (SubmitCommit, NewEpoch) {
        let (suite, old) = (self.suite, self.context.clone());
        let LeafNode { credential, capabilities, extensions, .. } =
            self.tree.leaf(self.leaf).unwrap().unwrap();
        let template = LeafTemplate { credential, capabilities, extensions };
        let path = self.tree.create_path(self.leaf, template, &old.group_id, &*self.signer, &mut self.rng);
        let path = path.unwrap();
        let tree = path.tree().clone();
        let tree_hash = tree.tree_hash().unwrap();
        let mut context = GroupContext { epoch: old.epoch + 1, tree_hash, ..old.clone() };
        let mut update_path = path.encrypt(&context, &[], &mut self.rng).unwrap();
        if let Flaw::PathSecret(node) = flaw {
            for secret in &mut update_path.nodes[node].encrypted_path_secret {
                let mut bytes = secret.ciphertext.to_vec();
                bytes[0] ^= 1;
                secret.ciphertext = bytes.into();
            }
        }
        let data = HandshakeData { head, ..HandshakeData::default() }.encode().unwrap();
        let content = FramedContent {
            group_id: old.group_id.clone(),
            epoch: old.epoch,
            sender: Sender::Member(self.leaf),
            authenticated_data: data.into(),
            content: Content::Commit(Box::new(Commit { proposals: Vec::new(), path: Some(update_path) })),
        };
        let public = WireFormat::MLS_PUBLIC_MESSAGE;
        let mut signed = SignedContent::sign(suite, &*self.signer, public, content, &old).unwrap();
        let before = ConfirmedTranscriptHash(old.confirmed_transcript_hash.clone());
        let interim = InterimTranscriptHash::after(suite, &before, &self.confirmation_tag).unwrap();
        let (content, signature) = (signed.content(), signed.signature());
        let confirmed = ConfirmedTranscriptHash::after(suite, &interim, public, content, signature).unwrap();
        context.confirmed_transcript_hash = confirmed.0;
        let commit_secret = CommitSecret::from(path.commit_secret().expose());
        let joiner = self.init.joiner_secret(suite, &commit_secret, &context).unwrap();
        let intermediate = joiner.with_psk_secret(suite, &PskSecret::zero(suite));
        let secrets = intermediate.epoch_secret(suite, &context).unwrap().derive(suite).unwrap();
        let mut tag = secrets.confirmation_key.tag(suite, &context.confirmed_transcript_hash);
        if flaw == Flaw::ConfirmationTag {
            tag = vec![7; tag.len()].into();
        }
        signed.set_confirmation_tag(tag.clone()).unwrap();
        let other = MembershipKey::from(vec![7; 32]);
        let key = if flaw == Flaw::MembershipTag { &other } else { &self.membership_key };
        let message = MlsMessage::from(signed.seal_public(suite, Some(key)).unwrap());
        let external_pub = secrets.external.key_pair(suite).unwrap().public;
        let mut info = GroupInfo {
            group_context: context.clone(),
            extensions: Extensions(vec![Extension::new(&ExternalPub { external_pub }).unwrap()]),
            confirmation_tag: tag,
            signer: self.leaf,
            signature: Signature::default(),
        };
        let to_be_signed = info.to_be_signed().unwrap();
        info.signature = suite.sign_with_label(&*self.signer, "GroupInfoTBS", &to_be_signed).unwrap();
        let request = SubmitCommit {
            commit: message.encode().unwrap().into(),
            welcome: Vec::new().into(),
            group_info: MlsMessage::from(info).encode().unwrap().into(),
        };
        (request, NewEpoch { suite, context, tree, secrets })
    }
}

impl NewEpoch {
    fn secret_tree(&self) -> SecretTree {
        let secret = self.secrets.encryption.expose().to_vec().into();
        SecretTree::new(self.tree.size(), secret, RatchetLimits::default())
    }

    /// Encrypts the content of another member's first message again, under the next generation of
    /// that member's ratchet.
    ///
    /// The signature of the content stays as it was. This crate offers no way to seal an existing
    /// signature, so `signer` is the victim's. Ed25519 is deterministic, so the signature is that
    /// of the message, as is checked. An insider does not need the key.
    pub(crate) fn replay(&self, message: &[u8], own_leaf: LeafIndex, signer: &dyn Signer) -> Vec<u8> {
        let (suite, mut ratchets) = (self.suite, self.secret_tree());
        let MlsMessageBody::PrivateMessage(message) = MlsMessage::decode(message).unwrap().body else {
            panic!("not private")
        };
        let key = |leaf| Ok::<_, FramingError>(self.tree.signature_key(leaf).unwrap());
        let sender_data = &self.secrets.sender_data;
        let opened = open_private(suite, &message, &self.context, sender_data, &ratchets, own_leaf, key);
        let (opened, _) = opened.unwrap();
        let AuthenticatedContent { content, auth, .. } = opened.into_inner();
        let Sender::Member(victim) = content.sender else { panic!("not a member") };
        let private = WireFormat::MLS_PRIVATE_MESSAGE;
        let signed = SignedContent::sign(suite, signer, private, content, &self.context).unwrap();
        assert_eq!(*signed.signature(), auth.signature);
        ratchets.take_next(suite, victim, RatchetType::Application).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(98);
        let sealed = signed.seal_private(suite, &mut ratchets, sender_data, Padding::None, &mut rng).unwrap();
        MlsMessage::from(sealed).encode().unwrap()
    }
}
