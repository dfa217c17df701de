//! Sample framed contents and messages.

use super::groups::{group_info, welcome, welcomes};
use super::leaves::{key_package, key_packages};
use super::proposals::{commits, proposals};
use super::values::string;
use super::{Decoder, Run, counted};
use pando_wire::*;

pub(crate) fn senders() -> Vec<Sender> {
    vec![
        Sender::Member(LeafIndex(0)),
        Sender::Member(LeafIndex(u32::MAX)),
        Sender::External(0x0102_0304),
        Sender::NewMemberProposal,
        Sender::NewMemberCommit,
    ]
}

pub(crate) fn content_types() -> Vec<ContentType> {
    vec![ContentType::Application, ContentType::Proposal, ContentType::Commit]
}

pub(crate) fn contents() -> Vec<Content> {
    let application = [0, 4, 64].map(|len| Content::Application(string(len)));
    let proposals = proposals().into_iter().map(Content::Proposal);
    let commits = commits().into_iter().map(|commit| Content::Commit(commit.into()));
    application.into_iter().chain(proposals).chain(commits).collect()
}

/// Returns one content value of each type, each with a short encoding.
fn some_contents() -> [Content; 3] {
    let remove = Proposal::Remove(Remove { removed: LeafIndex(5) });
    let reference = Commit { proposals: vec![ProposalOrRef::Reference(string(3))], path: None };
    [Content::Application(string(4)), Content::Proposal(remove), Content::Commit(reference.into())]
}

fn framed(sender: Sender, content: Content) -> FramedContent {
    FramedContent {
        group_id: string(3),
        epoch: 0xf1f2_f3f4_f5f6_f7f8,
        sender,
        authenticated_data: string(2),
        content,
    }
}

/// Returns every type of sender with every type of content, even combinations that the protocol
/// forbids, followed by several kinds of Commits.
pub(crate) fn framed_contents() -> Vec<FramedContent> {
    let by_sender = senders()
        .into_iter()
        .flat_map(|sender| some_contents().into_iter().map(move |content| framed(sender, content)));
    let by_content = commits()
        .into_iter()
        .take(4)
        .map(|commit| framed(Sender::Member(LeafIndex(1)), Content::Commit(commit.into())));
    let empty = FramedContent {
        group_id: string(0),
        epoch: 0,
        sender: Sender::NewMemberProposal,
        authenticated_data: string(0),
        content: Content::Application(string(0)),
    };
    by_sender.chain(by_content).chain([empty]).collect()
}

/// Returns authentication data. Only a Commit has a confirmation tag.
fn auth(content: &Content) -> FramedContentAuthData {
    let confirmation_tag = matches!(content, Content::Commit(_)).then(|| string(4));
    FramedContentAuthData { signature: string(3), confirmation_tag }
}

pub(crate) fn authenticated_contents() -> Vec<AuthenticatedContent> {
    let formats = [WireFormat::MLS_PUBLIC_MESSAGE, WireFormat::MLS_PRIVATE_MESSAGE, WireFormat(0x8a8a)];
    let contents = framed_contents().into_iter().zip(formats.into_iter().cycle());
    contents
        .map(|(content, wire_format)| {
            let auth = auth(&content.content);
            AuthenticatedContent { wire_format, content, auth }
        })
        .collect()
}

fn public_message(content: FramedContent) -> PublicMessage {
    let membership_tag = matches!(content.sender, Sender::Member(_)).then(|| string(5));
    PublicMessage { auth: auth(&content.content), content, membership_tag }
}

pub(crate) fn public_messages() -> Vec<PublicMessage> {
    framed_contents().into_iter().map(public_message).collect()
}

pub(crate) fn private_messages() -> Vec<PrivateMessage> {
    let lens = [0, 5, 64];
    let messages = content_types().into_iter().zip(lens).map(|(content_type, len)| PrivateMessage {
        group_id: string(3),
        epoch: 1,
        content_type,
        authenticated_data: string(len),
        encrypted_sender_data: string(4),
        ciphertext: string(64 - len),
    });
    messages.collect()
}

pub(crate) fn sender_data() -> Vec<SenderData> {
    [(0, 0, [0; 4]), (u32::MAX, 1, [1, 2, 3, 4])]
        .map(|(leaf, generation, reuse_guard)| SenderData {
            leaf_index: LeafIndex(leaf),
            generation,
            reuse_guard,
        })
        .into()
}

pub(crate) fn mls_messages() -> Vec<MlsMessage> {
    let [_, _, commit] = some_contents();
    let smallest = key_packages().swap_remove(0);
    let mut messages: Vec<MlsMessage> = vec![
        public_message(framed(Sender::Member(LeafIndex(2)), commit)).into(),
        welcome().into(),
        group_info().into(),
        key_package().into(),
        smallest.into(),
    ];
    messages.extend(private_messages().into_iter().map(MlsMessage::from));
    messages.extend(public_messages().into_iter().step_by(4).map(MlsMessage::from));
    messages.extend(welcomes().into_iter().map(MlsMessage::from));
    messages
}

/// Returns the decoders of PrivateMessageContent. These decoders need special treatment, because
/// the input does not contain the content type and ends with padding.
pub(crate) fn private_message_contents() -> Vec<Decoder> {
    vec![
        padded(ContentType::Application, |bytes| run_padded(ContentType::Application, bytes)),
        padded(ContentType::Proposal, |bytes| run_padded(ContentType::Proposal, bytes)),
        padded(ContentType::Commit, |bytes| run_padded(ContentType::Commit, bytes)),
    ]
}

fn padded(content_type: ContentType, run: fn(&[u8]) -> Run) -> Decoder {
    let contents = contents().into_iter().filter(|content| content.content_type() == content_type);
    let samples = contents.zip([0, 1, 70].into_iter().cycle()).map(|(content, padding)| {
        let auth = auth(&content);
        let bytes = PrivateMessageContent::encode(&content, &auth, |len| len + padding).unwrap().to_vec();
        let decoded = PrivateMessageContent::decode(content_type, &bytes);
        assert_eq!(decoded, Ok(PrivateMessageContent { content, auth }));
        bytes
    });
    Decoder { name: "PrivateMessageContent", samples: samples.collect(), padded: true, run }
}

fn run_padded(content_type: ContentType, bytes: &[u8]) -> Run {
    let encode = |value: PrivateMessageContent| {
        assert_eq!(value.content.content_type(), content_type);
        // The decoded value does not include the amount of padding, so pad to the length of the
        // input.
        let encoding = PrivateMessageContent::encode(&value.content, &value.auth, |_| bytes.len());
        encoding.unwrap().to_vec()
    };
    counted(|| PrivateMessageContent::decode(content_type, bytes), encode)
}
