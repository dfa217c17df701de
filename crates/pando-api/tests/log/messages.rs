//! The kind and the epoch of an entry are those of its message.

use pando_api::{EntryError, EntryKind, LogEntry};
use pando_mls::wire::{
    Commit, Content, FramedContent, FramedContentAuthData, Mac, PrivateMessage, PublicMessage,
};
use pando_mls::{
    CipherSuite, ContentType, Extensions, GroupContext, GroupId, GroupInfo, LeafIndex, MlsMessage,
};
use pando_mls::{Proposal, ProtocolVersion, Remove, Sender};
use pando_wire::Encode;

fn group_id() -> GroupId {
    "a group of 16 by".into()
}

fn private(content_type: ContentType) -> MlsMessage {
    let message = PrivateMessage {
        group_id: group_id(),
        epoch: 7,
        content_type,
        authenticated_data: b"".into(),
        encrypted_sender_data: b"sender".into(),
        ciphertext: b"ciphertext".into(),
    };
    message.into()
}

fn public(content: Content) -> MlsMessage {
    let confirmation_tag = matches!(content, Content::Commit(_)).then(|| Mac::from(vec![2; 32]));
    let content = FramedContent {
        group_id: group_id(),
        epoch: 7,
        sender: Sender::Member(LeafIndex(0)),
        authenticated_data: b"".into(),
        content,
    };
    let auth = FramedContentAuthData { signature: vec![1; 64].into(), confirmation_tag };
    PublicMessage { content, auth, membership_tag: Some(Mac::from(vec![3; 32])) }.into()
}

fn group_info() -> MlsMessage {
    let group_context = GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[0],
        group_id: group_id(),
        epoch: 7,
        tree_hash: b"hash".into(),
        confirmed_transcript_hash: b"hash".into(),
        extensions: Extensions::default(),
    };
    let group_info = GroupInfo {
        group_context,
        extensions: Extensions::default(),
        confirmation_tag: Mac::from(vec![2; 32]),
        signer: LeafIndex(0),
        signature: vec![1; 64].into(),
    };
    group_info.into()
}

fn entry(kind: EntryKind, message: &MlsMessage) -> LogEntry {
    let message = message.encode().unwrap().into();
    LogEntry { incarnation: 1, seq: 3, time: 5, kind, epoch: 7, message }
}

#[test]
fn the_kind_is_that_of_the_message() {
    use EntryKind::{Application, Creation, Proposal as Proposed};
    let proposal = Proposal::Remove(Remove { removed: LeafIndex(1) });
    for (message, expected) in [
        (group_info(), Some(Creation)),
        (
            public(Content::Commit(Box::new(Commit { proposals: Vec::new(), path: None }))),
            Some(EntryKind::Commit),
        ),
        (public(Content::Proposal(proposal)), Some(Proposed)),
        (private(ContentType::Application), Some(Application)),
        // Handshakes are not encrypted, and application messages are.
        (private(ContentType::Commit), None),
        (private(ContentType::Proposal), None),
        (public(Content::Application(b"text".into())), None),
    ] {
        for kind in [Creation, EntryKind::Commit, Proposed, Application] {
            let verdict = entry(kind, &message).decode_message(&group_id());
            let is_of_kind = Some(kind) == expected;
            let expected = if is_of_kind { Ok(message.clone()) } else { Err(EntryError::Kind(3)) };
            assert_eq!(verdict, expected, "{kind:?}");
        }
    }
}

#[test]
fn the_epoch_and_the_group_are_those_of_the_message() {
    let message = private(ContentType::Application);
    let entry = entry(EntryKind::Application, &message);
    for epoch in [0, 6, 8] {
        let verdict = LogEntry { epoch, ..entry.clone() }.decode_message(&group_id());
        assert_eq!(verdict, Err(EntryError::Epoch(3)));
    }
    assert_eq!(entry.decode_message(&"another of 16 by".into()), Err(EntryError::Group(3)));
    let malformed = LogEntry { message: b"message".into(), ..entry };
    assert!(matches!(malformed.decode_message(&group_id()), Err(EntryError::Malformed(_))));
}
