//! Test vectors of the kind `messages`: the encodings of all message types and their parts (RFC
//! 9420, sections 6, 7, 10 and 12).

use crate::hex_bytes::Hex;
use crate::random::{self, bytes};
use crate::report::{MustSucceed, Outcome, must, must_equal};
use crate::run::Generated;
use pando_wire::{
    Add, Commit, Content, ContentType, Decode, Encode, ExternalInit, FramedContentAuthData,
    GroupContextExtensions, GroupSecrets, Mac, MlsMessage, MlsMessageBody, PathSecret, PreSharedKey,
    PublicMessage, RatchetTree, ReInit, Remove, Update, WireFormat,
};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

#[derive(Serialize, Deserialize)]
pub(crate) struct Case {
    mls_welcome: Hex,
    mls_group_info: Hex,
    mls_key_package: Hex,
    ratchet_tree: Hex,
    group_secrets: Hex,
    add_proposal: Hex,
    update_proposal: Hex,
    remove_proposal: Hex,
    pre_shared_key_proposal: Hex,
    re_init_proposal: Hex,
    external_init_proposal: Hex,
    group_context_extensions_proposal: Hex,
    commit: Hex,
    public_message_application: Hex,
    public_message_proposal: Hex,
    public_message_commit: Hex,
    private_message: Hex,
}

impl Case {
    pub(crate) fn verify(&self) -> Outcome {
        message("mls_welcome", &self.mls_welcome, WireFormat::MLS_WELCOME, None)?;
        message("mls_group_info", &self.mls_group_info, WireFormat::MLS_GROUP_INFO, None)?;
        message("mls_key_package", &self.mls_key_package, WireFormat::MLS_KEY_PACKAGE, None)?;
        round_trip::<RatchetTree>("ratchet_tree", &self.ratchet_tree)?;
        round_trip::<GroupSecrets>("group_secrets", &self.group_secrets)?;
        round_trip::<Add>("add_proposal", &self.add_proposal)?;
        round_trip::<Update>("update_proposal", &self.update_proposal)?;
        round_trip::<Remove>("remove_proposal", &self.remove_proposal)?;
        round_trip::<PreSharedKey>("pre_shared_key_proposal", &self.pre_shared_key_proposal)?;
        round_trip::<ReInit>("re_init_proposal", &self.re_init_proposal)?;
        round_trip::<ExternalInit>("external_init_proposal", &self.external_init_proposal)?;
        round_trip::<GroupContextExtensions>(
            "group_context_extensions_proposal",
            &self.group_context_extensions_proposal,
        )?;
        round_trip::<Commit>("commit", &self.commit)?;
        for (field, bytes, content_type) in [
            ("public_message_application", &self.public_message_application, ContentType::Application),
            ("public_message_proposal", &self.public_message_proposal, ContentType::Proposal),
            ("public_message_commit", &self.public_message_commit, ContentType::Commit),
        ] {
            message(field, bytes, WireFormat::MLS_PUBLIC_MESSAGE, Some(content_type))?;
        }
        message("private_message", &self.private_message, WireFormat::MLS_PRIVATE_MESSAGE, None)
    }
}

fn round_trip<T: Decode + Encode + PartialEq + Debug>(field: &str, bytes: &[u8]) -> Outcome {
    let value = T::decode(bytes).in_field(field)?;
    must_equal(field, &value.encode().in_field(field)?, bytes)
}

fn message(field: &str, bytes: &[u8], wire_format: WireFormat, content_type: Option<ContentType>) -> Outcome {
    let message = MlsMessage::decode(bytes).in_field(field)?;
    must(field, message.wire_format() == wire_format, "another wire format")?;
    let found = match &message.body {
        MlsMessageBody::PublicMessage(message) => Some(message.content.content.content_type()),
        _ => None,
    };
    must(field, found == content_type, "another content type")?;
    must_equal(field, &message.encode().in_field(field)?, bytes)
}

pub(crate) fn generate(rng: &mut ChaCha20Rng) -> Generated<Case> {
    (0..4).map(|_| case(rng)).collect()
}

fn case(rng: &mut ChaCha20Rng) -> Result<Case, Box<dyn std::error::Error>> {
    let group_secrets = GroupSecrets {
        joiner_secret: bytes(rng, 32).into(),
        path_secret: Some(PathSecret { path_secret: bytes(rng, 32).into() }),
        psks: vec![random::external_psk(rng), random::resumption_psk(rng)],
    };
    let commit = random::commit(rng);
    let mut public = |content: Content| {
        let is_commit = matches!(content, Content::Commit(_));
        let message = PublicMessage {
            content: random::framed_content(rng, content),
            auth: FramedContentAuthData {
                signature: bytes(rng, 64).into(),
                confirmation_tag: is_commit.then(|| Mac::from(bytes(rng, 32))),
            },
            membership_tag: Some(bytes(rng, 32).into()),
        };
        MlsMessage::from(message).encode().map(Hex)
    };
    let public_message_application = public(Content::Application(vec![1, 2, 3].into()))?;
    let public_message_commit = public(Content::Commit(Box::new(commit.clone())))?;
    let proposal = random::proposal(rng);
    let mut public = |content: Content| {
        let message = PublicMessage {
            content: random::framed_content(rng, content),
            auth: FramedContentAuthData { signature: bytes(rng, 64).into(), confirmation_tag: None },
            membership_tag: Some(bytes(rng, 32).into()),
        };
        MlsMessage::from(message).encode().map(Hex)
    };
    let public_message_proposal = public(Content::Proposal(proposal))?;
    Ok(Case {
        mls_welcome: Hex(MlsMessage::from(random::welcome(rng)).encode()?),
        mls_group_info: Hex(MlsMessage::from(random::group_info(rng)).encode()?),
        mls_key_package: Hex(MlsMessage::from(random::key_package(rng)).encode()?),
        ratchet_tree: Hex(random::ratchet_tree(rng).encode()?),
        group_secrets: Hex(group_secrets.encode()?),
        add_proposal: Hex(Add { key_package: random::key_package(rng) }.encode()?),
        update_proposal: Hex(Update { leaf_node: random::leaf_node(rng) }.encode()?),
        remove_proposal: Hex(Remove { removed: random::leaf_index(rng) }.encode()?),
        pre_shared_key_proposal: Hex(PreSharedKey { psk: random::external_psk(rng) }.encode()?),
        re_init_proposal: Hex(random::re_init(rng).encode()?),
        external_init_proposal: Hex(ExternalInit { kem_output: bytes(rng, 32).into() }.encode()?),
        group_context_extensions_proposal: Hex(GroupContextExtensions {
            extensions: random::extensions(rng),
        }
        .encode()?),
        commit: Hex(commit.encode()?),
        public_message_application,
        public_message_proposal,
        public_message_commit,
        private_message: Hex(MlsMessage::from(random::private_message(rng)).encode()?),
    })
}
