//! The messages of the interoperability test vectors pass through the API unchanged (RFC 9420,
//! section 17.10, describes the media type of such messages).
//!
//! The vectors are the committed ones, and the official ones if their folder exists: the value of
//! `PANDO_TEST_VECTORS`, or a folder next to the project.

use crate::clients::{Clients, SUITE, group_id, policy};
use crate::online::Online;
use pando_api::{
    ClaimStatus, ClaimedKeyPackage, ClaimedKeyPackages, CreateGroup, EntryKind, Envelope, GroupAddress,
    InboxEntry, InboxPage, LogPage, ProblemCode, Receipt, SubmitCommit, SubmitMessage, UploadKeyPackages,
};
use pando_delivery::http::BodyLimits;
use pando_mls::wire::ContentType;
use pando_mls::{Decode, Encode, MlsMessage, MlsMessageBody, Opaque};
use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use tls_codec::{DeserializeBytes, Serialize};

/// The kinds of messages in a case of `messages.json`.
const KINDS: [&str; 7] = [
    "mls_welcome",
    "mls_group_info",
    "mls_key_package",
    "public_message_application",
    "public_message_proposal",
    "public_message_commit",
    "private_message",
];

fn official() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if let Some(folder) = env::var_os("PANDO_TEST_VECTORS") {
        return Some(PathBuf::from(folder));
    }
    let folder = root.join("../shared/test-vectors/official");
    folder.is_dir().then_some(folder)
}

fn cases(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn decode_hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Returns the messages of the vectors, by kind.
fn messages() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/messages.json");
    let mut all = cases(&committed);
    all.extend(official().map(|folder| cases(&folder.join("messages.json"))).unwrap_or_default());
    assert!(all.len() > 10);
    KINDS.map(|kind| (kind, all.iter().map(|case| decode_hex(&case[kind])).collect())).into()
}

/// Sends a body through its encoding, as a client and a server do.
fn pass<T: Debug + Serialize + DeserializeBytes>(body: T) -> T {
    Envelope::decode_body(&Envelope::encode_body(body).unwrap()).unwrap()
}

#[test]
fn messages_pass_through_all_bodies() {
    for bytes in messages().into_values().flatten() {
        let message = Opaque::from(&*bytes);
        assert_eq!(*pass(SubmitMessage { message: message.clone() }).message, bytes);
        let commit =
            SubmitCommit { commit: message.clone(), welcome: message.clone(), group_info: message.clone() };
        let passed = pass(commit.clone());
        for passed in [passed.commit, passed.welcome, passed.group_info] {
            assert_eq!(*passed, bytes);
        }
        let passed = pass(CreateGroup { group_info: message.clone(), first_commit: Some(commit.clone()) });
        assert_eq!((&*passed.group_info, passed.first_commit), (&*bytes, Some(commit)));
        let passed =
            pass(UploadKeyPackages { key_packages: vec![message.clone(); 2], last_resort: message.clone() });
        assert!(passed.key_packages.iter().chain([&passed.last_resort]).all(|passed| **passed == *bytes));
        let entry = InboxEntry {
            seq: 1,
            group_id: group_id(),
            group_seq: 2,
            expires: 3,
            tree_hash: Opaque::default(),
            welcome: message.clone(),
        };
        assert_eq!(*pass(InboxPage { entries: vec![entry] }).entries[0].welcome, bytes);
        let client = "alice@example.org/laptop".parse().unwrap();
        let claimed = ClaimedKeyPackage { client, status: ClaimStatus::KeyPackage(message) };
        let passed = pass(ClaimedKeyPackages { clients: vec![claimed] });
        let ClaimStatus::KeyPackage(passed) = &passed.clients[0].status else { panic!("another status") };
        assert_eq!(**passed, bytes);
    }
}

/// The server refuses the messages of the vectors, because their groups are unknown, and not
/// because of their contents. If they are cut off, the server cannot decode them.
#[tokio::test]
async fn messages_of_unknown_groups_are_decoded_and_refused() {
    let mut clients = Clients::new();
    let online = Online::start(&clients.anchor, None, clients.remover(), BodyLimits::default()).await;
    let alice = clients.device("alice@example.org/laptop", 1);
    let mut session = online.log_in(SUITE, &alice.credential, &*alice.signer).await;
    let mut messages = messages();
    for (kind, path) in [
        ("public_message_proposal", "messages"),
        ("public_message_commit", "commits"),
        ("private_message", "messages"),
    ] {
        let mut posted = 0;
        for bytes in messages.remove(kind).unwrap().into_iter().take(40) {
            let group_id = match MlsMessage::decode(&bytes).unwrap().body {
                MlsMessageBody::PublicMessage(message) => message.content.group_id,
                MlsMessageBody::PrivateMessage(message)
                    if message.content_type == ContentType::Application =>
                {
                    message.group_id
                }
                _ => continue,
            };
            let address = GroupAddress::new(&group_id, &clients.domain).unwrap();
            let target = format!("/v1/groups/{}/{path}", address.path_segment());
            let expected = [ProblemCode::NotFound, ProblemCode::Malformed];
            for (bytes, code) in [&*bytes, &bytes[..bytes.len() - 1]].into_iter().zip(expected) {
                let answer = if path == "commits" {
                    let empty = Opaque::default();
                    let commit =
                        SubmitCommit { commit: bytes.into(), welcome: empty.clone(), group_info: empty };
                    session.post(&target, commit).await
                } else {
                    session.post(&target, SubmitMessage { message: bytes.into() }).await
                };
                assert_eq!(answer.code(), code, "{}", answer.problem());
            }
            posted += 1;
        }
        assert!(posted > 0, "no {kind}");
    }
}

/// The log returns messages as they were sent. These are messages of the vectors with another group
/// identifier and epoch; their encrypted fields stay the same.
#[tokio::test]
async fn private_messages_are_in_the_log_as_they_were_sent() {
    let mut clients = Clients::new();
    let online = Online::start(&clients.anchor, None, clients.remover(), BodyLimits::default()).await;
    let mut alice = clients.device("alice@example.org/laptop", 1);
    let mut session = online.log_in(SUITE, &alice.credential, &*alice.signer).await;
    let extensions = clients.extensions(&policy());
    let group_info = clients.build_group(&mut alice, extensions).into();
    let created = session.post("/v1/groups", CreateGroup { group_info, first_commit: None }).await;
    let _: Receipt = created.decode(201);
    let address = GroupAddress::new(&group_id(), &clients.domain).unwrap();
    let group = format!("/v1/groups/{}", address.path_segment());

    let mut sent = Vec::new();
    for bytes in messages()["private_message"].iter().take(60) {
        let mut message = MlsMessage::decode(bytes).unwrap();
        let MlsMessageBody::PrivateMessage(private) = &mut message.body else { panic!("not private") };
        (private.group_id, private.epoch) = (group_id(), 0);
        private.content_type = ContentType::Application;
        let bytes = message.encode().unwrap();
        let request = SubmitMessage { message: bytes.clone().into() };
        let _: Receipt = session.post(&format!("{group}/messages"), request).await.decode(200);
        sent.push(bytes);
    }
    let (mut after, mut read) = (1, Vec::new());
    while read.len() < sent.len() {
        let target = format!("{group}/log?after={after}&limit=100000");
        let page: LogPage = session.get(&target, &[]).await.decode(200);
        after = page.entries.last().unwrap().seq;
        assert!(page.entries.iter().all(|entry| entry.kind == EntryKind::Application));
        read.extend(page.entries.into_iter().map(|entry| entry.message.to_vec()));
    }
    assert_eq!(read, sent);
}
