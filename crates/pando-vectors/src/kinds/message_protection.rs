//! Test vectors of the kind `message-protection`: public and private messages (RFC 9420, section
//! 6).

use crate::hex_bytes::Hex;
use crate::private_keys::signature_key;
use crate::random::{self, bytes};
use crate::report::{MustSucceed, Outcome, Problem, must, must_equal, suite};
use crate::run::Generated;
use pando_crypto::{CryptoProvider, Signer, Suite};
use pando_framing::{FramingError, Padding, SignedContent, open_private, open_public};
use pando_schedule::{MembershipKey, RatchetLimits, SecretTree, SenderDataSecret};
use pando_wire::{
    AuthenticatedContent, CipherSuite, Commit, Content, Decode, Encode, Extensions, FramedContent,
    GroupContext, LeafIndex, Mac, MlsMessage, MlsMessageBody, Opaque, Proposal, ProtocolVersion, Remove,
    Sender, SignaturePublicKey, TreeSize, WireFormat,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use std::error::Error;

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    cipher_suite: u16,
    group_id: Hex,
    epoch: u64,
    tree_hash: Hex,
    confirmed_transcript_hash: Hex,
    signature_priv: Hex,
    signature_pub: Hex,
    encryption_secret: Hex,
    sender_data_secret: Hex,
    membership_key: Hex,
    proposal: Hex,
    proposal_pub: Hex,
    proposal_priv: Hex,
    commit: Hex,
    commit_pub: Hex,
    commit_priv: Hex,
    application: Hex,
    application_priv: Hex,
}

/// The leaf index of the member that sends all messages.
const SENDER: LeafIndex = LeafIndex(1);
const RECEIVER: LeafIndex = LeafIndex(0);

/// A group of two members at the start of an epoch.
struct Group<'a> {
    suite: Suite,
    case: &'a Case,
    context: GroupContext,
    membership_key: MembershipKey,
    sender_data_secret: SenderDataSecret,
    signature_pub: SignaturePublicKey,
}

impl Case {
    pub(crate) fn verify(&self, crypto: &dyn CryptoProvider) -> Outcome {
        let suite = suite(crypto, self.cipher_suite)?;
        let group = Group::new(suite, self);
        let private = signature_key(suite, &self.signature_priv);
        let signer = suite.signer(&private).in_field("signature_priv")?;
        must_equal("signature_pub", signer.public_key(), &self.signature_pub)?;

        let proposal = Content::Proposal(Proposal::decode(&self.proposal).in_field("proposal")?);
        let commit = Content::Commit(Box::new(Commit::decode(&self.commit).in_field("commit")?));
        let application = Content::Application((&*self.application).into());
        group.check_public("proposal_pub", &self.proposal_pub, &proposal)?;
        group.check_public("commit_pub", &self.commit_pub, &commit)?;
        group.check_private("proposal_priv", &self.proposal_priv, &proposal)?;
        group.check_private("commit_priv", &self.commit_priv, &commit)?;
        group.check_private("application_priv", &self.application_priv, &application)?;

        // Test the reverse direction: protect the contents and open the protected messages again.
        for (field, content) in [("proposal", &proposal), ("commit", &commit)] {
            let message = group.protect_public(&*signer, content.clone()).in_field(field)?;
            group.check_public(field, &message, content)?;
        }
        let mut rng = ChaCha20Rng::seed_from_u64(0);
        for (field, content) in [("proposal", &proposal), ("commit", &commit), ("application", &application)]
        {
            let message = group.protect_private(&*signer, content.clone(), &mut rng).in_field(field)?;
            group.check_private(field, &message, content)?;
        }
        let public_application = group.protect_public(&*signer, application);
        let refused = matches!(
            public_application.map_err(|error| error.downcast::<FramingError>().ok()),
            Err(Some(error)) if matches!(*error, FramingError::FormatNotAllowed { .. })
        );
        must("application", refused, "can be protected as a PublicMessage")
    }
}

impl<'a> Group<'a> {
    fn new(suite: Suite, case: &'a Case) -> Self {
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: CipherSuite(case.cipher_suite),
            group_id: (&*case.group_id).into(),
            epoch: case.epoch,
            tree_hash: (&*case.tree_hash).into(),
            confirmed_transcript_hash: (&*case.confirmed_transcript_hash).into(),
            extensions: Extensions::default(),
        };
        Self {
            suite,
            case,
            context,
            membership_key: (&*case.membership_key).into(),
            sender_data_secret: (&*case.sender_data_secret).into(),
            signature_pub: (&*case.signature_pub).into(),
        }
    }

    fn secret_tree(&self) -> Result<SecretTree, Box<dyn Error>> {
        let size = TreeSize::with_leaves(2).ok_or("no tree of two leaves")?;
        let secret = (&*self.case.encryption_secret).into();
        Ok(SecretTree::new(size, secret, RatchetLimits::default()))
    }

    fn check_public(&self, field: &str, message: &[u8], expected: &Content) -> Outcome {
        let MlsMessageBody::PublicMessage(message) = decode(field, message)? else {
            return must(field, false, "not a PublicMessage");
        };
        let opened =
            open_public(self.suite, *message, &self.context, &self.membership_key).in_field(field)?;
        let content = opened.verify(self.suite, &self.signature_pub).in_field(field)?;
        check_content(field, &content, expected)
    }

    fn check_private(&self, field: &str, message: &[u8], expected: &Content) -> Outcome {
        let MlsMessageBody::PrivateMessage(message) = decode(field, message)? else {
            return must(field, false, "not a PrivateMessage");
        };
        let tree = self.secret_tree().in_field(field)?;
        let secret = &self.sender_data_secret;
        let key =
            |leaf: LeafIndex| Ok::<_, FramingError>((leaf == SENDER).then(|| self.signature_pub.clone()));
        let (content, _) = open_private(self.suite, &message, &self.context, secret, &tree, RECEIVER, key)
            .in_field(field)?;
        check_content(field, &content, expected)
    }

    fn sign(
        &self,
        signer: &dyn Signer,
        wire_format: WireFormat,
        content: Content,
    ) -> Result<SignedContent, Box<dyn Error>> {
        let is_commit = matches!(content, Content::Commit(_));
        let content = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender: Sender::Member(SENDER),
            authenticated_data: Opaque::default(),
            content,
        };
        let mut signed = SignedContent::sign(self.suite, signer, wire_format, content, &self.context)?;
        if is_commit {
            // The test cases provide no confirmation key, so any confirmation tag will do.
            signed.set_confirmation_tag(Mac::from(vec![0; self.suite.hash_len()]))?;
        }
        Ok(signed)
    }

    fn protect_public(&self, signer: &dyn Signer, content: Content) -> Result<Vec<u8>, Box<dyn Error>> {
        let signed = self.sign(signer, WireFormat::MLS_PUBLIC_MESSAGE, content)?;
        let message = signed.seal_public(self.suite, Some(&self.membership_key))?;
        Ok(MlsMessage::from(message).encode()?)
    }

    fn protect_private(
        &self,
        signer: &dyn Signer,
        content: Content,
        rng: &mut ChaCha20Rng,
    ) -> Result<Vec<u8>, Box<dyn Error>> {
        let signed = self.sign(signer, WireFormat::MLS_PRIVATE_MESSAGE, content)?;
        let (mut tree, secret) = (self.secret_tree()?, &self.sender_data_secret);
        let message = signed.seal_private(self.suite, &mut tree, secret, Padding::Padme, rng)?;
        Ok(MlsMessage::from(message).encode()?)
    }
}

fn decode(field: &str, bytes: &[u8]) -> Result<MlsMessageBody, Problem> {
    let message = MlsMessage::decode(bytes).in_field(field)?;
    must_equal(field, &message.encode().in_field(field)?, bytes)?;
    Ok(message.body)
}

fn check_content(field: &str, content: &AuthenticatedContent, expected: &Content) -> Outcome {
    must(field, content.content.sender == Sender::Member(SENDER), "another sender")?;
    must(field, content.content.content == *expected, "other content")
}

pub(crate) fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Generated<Case> {
    let private = suite.signature_generate_key(rng)?;
    let signer = suite.signer(&private)?;
    let proposal = Proposal::Remove(Remove { removed: LeafIndex(2) });
    let commit = random::commit(rng);
    let application = bytes(rng, 42);
    let mut random = || Hex(bytes(rng, suite.hash_len()));
    let mut case = Case {
        cipher_suite: suite.cipher_suite().0,
        group_id: random(),
        epoch: 0x1234_5678_9abc,
        tree_hash: random(),
        confirmed_transcript_hash: random(),
        signature_priv: private.expose().into(),
        signature_pub: Hex(signer.public_key().to_vec()),
        encryption_secret: random(),
        sender_data_secret: random(),
        membership_key: random(),
        proposal: Hex(proposal.encode()?),
        commit: Hex(commit.encode()?),
        application: Hex(application.clone()),
        proposal_pub: Hex::default(),
        proposal_priv: Hex::default(),
        commit_pub: Hex::default(),
        commit_priv: Hex::default(),
        application_priv: Hex::default(),
    };
    let (proposal, commit) = (Content::Proposal(proposal), Content::Commit(Box::new(commit)));
    let group = Group::new(suite, &case);
    let proposal_pub = Hex(group.protect_public(&*signer, proposal.clone())?);
    let commit_pub = Hex(group.protect_public(&*signer, commit.clone())?);
    let proposal_priv = Hex(group.protect_private(&*signer, proposal, rng)?);
    let commit_priv = Hex(group.protect_private(&*signer, commit, rng)?);
    let application = Content::Application(application.into());
    let application_priv = Hex(group.protect_private(&*signer, application, rng)?);
    case = Case { proposal_pub, commit_pub, proposal_priv, commit_priv, application_priv, ..case };
    Ok(vec![case])
}
