//! Answers that violate the protocol (docs/protocol.md, sections 1, 7, 10, 12 and 14).

use crate::altered::Altered;
use crate::clients::{SUITE, group_id, policy, suite};
use crate::world::{EXPIRES, Member, World, claim};
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use pando_api::{
    Blob, ClaimStatus, ClaimTarget, ClaimedKeyPackage, ClaimedKeyPackages, CreateGroup, Digest, EntryError,
    EntryKind, Envelope, Failure, GroupState, Head, HeadError, InboxEntry, InboxPage, LogEntry, LogPage,
    Receipt, ReceiptError, RemovalIntent, ReportStatement, Reports, ServerKey,
};
use pando_client::{BadAnswer, ByteRange, CallError, Operation, TooLarge};
use pando_mls::LeafIndex;
use std::fmt::Debug;
use tls_codec::{DeserializeBytes, Serialize};
use zeroize::Zeroizing;

/// A group of Alice, and a message that she sends.
struct Scene {
    world: World,
    alice: Member<Altered>,
    answers: Altered,
    message: Vec<u8>,
}

impl Scene {
    async fn new() -> Self {
        let mut world = World::new().await;
        let answers = Altered::new(world.server.transport());
        let mut alice = world.member_over("alice@example.org/laptop", 1, answers.clone());
        world.create(&mut alice).await;
        let message = world.clients.encrypt(&mut alice.device, "at five?");
        Self { world, alice, answers, message }
    }

    async fn send(&self) -> Result<Receipt, CallError> {
        self.alice.api.submit_message(group_id(), self.message.clone().into()).await
    }

    /// Alters the decoded answers to requests below a path.
    fn alter<T>(&self, path: &str, alter: impl Fn(&mut T) + Send + 'static)
    where
        T: Debug + Serialize + DeserializeBytes,
    {
        self.answers.alter_body(path, move |body| {
            let mut decoded = Envelope::decode_body(body).unwrap();
            alter(&mut decoded);
            Envelope::encode_body(decoded).unwrap()
        });
    }
}

/// Returns the violation by an answer.
#[track_caller]
fn bad<T: Debug>(result: Result<T, CallError>) -> BadAnswer {
    let error = result.unwrap_err();
    assert!(error.may_have_taken_effect());
    let CallError::BadAnswer(bad) = error else { panic!("{error:?}") };
    bad
}

const GROUPS: &str = "/v1/groups/";

#[tokio::test]
async fn a_receipt_is_that_of_the_message() {
    let mut scene = Scene::new().await;
    let good = scene.send().await.unwrap();
    let alter = |scene: &Scene, alter: fn(&mut Receipt)| scene.alter(GROUPS, alter);
    let other_key = ServerKey::from_secret(&Zeroizing::new([8; 32]));
    for (alteration, expected) in [
        (
            (|receipt: &mut Receipt| receipt.digest = Digest::of(b"other")) as fn(&mut Receipt),
            ReceiptError::Message,
        ),
        (|receipt| receipt.epoch += 1, ReceiptError::Hash),
        (|receipt| receipt.kind = EntryKind::Commit, ReceiptError::Hash),
        (|receipt| receipt.previous = b"other".into(), ReceiptError::Hash),
        (|receipt| receipt.head.head.seq += 1, ReceiptError::Head(HeadError::Signature)),
        (|receipt| receipt.head.signature = b"".into(), ReceiptError::Head(HeadError::Signature)),
        (
            |receipt| {
                let key = ServerKey::from_secret(&Zeroizing::new([8; 32]));
                receipt.head = receipt.head.head.clone().sign(&key).unwrap();
            },
            ReceiptError::Head(HeadError::UnknownKey(other_key.public().id())),
        ),
    ] {
        alter(&scene, alteration);
        assert_eq!(bad(scene.send().await), BadAnswer::Receipt(expected));
    }
    // The message is in the log nevertheless, and the same request has the first answer.
    scene.answers.stop();
    assert_eq!(scene.send().await, Ok(good.clone()));
    // The receipt of another message.
    let other = scene.world.clients.encrypt(&mut scene.alice.device, "at six?");
    scene.alter(GROUPS, move |receipt| *receipt = good.clone());
    let sent = scene.alice.api.submit_message(group_id(), other.into()).await;
    assert_eq!(bad(sent), BadAnswer::Receipt(ReceiptError::Message));
}

/// A server can sign whatever it wants.
#[tokio::test]
async fn a_signed_receipt_has_the_fields_of_the_message() {
    let scene = Scene::new().await;
    scene.send().await.unwrap();
    for (alteration, expected) in [
        (
            (|receipt: &mut Receipt| receipt.epoch += 1) as fn(&mut Receipt),
            BadAnswer::Entry(EntryError::Epoch(2)),
        ),
        (|receipt| receipt.kind = EntryKind::Commit, BadAnswer::Entry(EntryError::Kind(2))),
        (|receipt| receipt.head.head.group_id = "another group of 16".into(), BadAnswer::OtherLog),
        (|receipt| receipt.head.head.domain = "example.com".parse().unwrap(), BadAnswer::OtherLog),
    ] {
        let message = scene.message.clone();
        scene.alter(GROUPS, move |receipt: &mut Receipt| {
            alteration(receipt);
            let head = &mut receipt.head.head;
            let entry = LogEntry {
                incarnation: head.incarnation,
                seq: head.seq,
                time: head.time,
                kind: receipt.kind,
                epoch: receipt.epoch,
                message: message.clone().into(),
            };
            head.hash = head.log().entry_hash(&entry, &receipt.previous).unwrap();
            let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
            receipt.head = receipt.head.head.clone().sign(&key).unwrap();
        });
        assert_eq!(bad(scene.send().await), expected);
    }
}

#[tokio::test]
async fn a_truncated_answer_is_refused_and_a_repetition_succeeds() {
    let scene = Scene::new().await;
    let good = scene.send().await.unwrap();
    for length in [0, 1, 50, 150] {
        scene.answers.alter_body(GROUPS, move |body| body[..length].to_vec());
        assert!(matches!(bad(scene.send().await), BadAnswer::Envelope(_)), "{length}");
    }
    scene.answers.alter_body(GROUPS, |body| [body, &[0]].concat());
    assert!(matches!(bad(scene.send().await), BadAnswer::Envelope(_)));
    scene.answers.stop();
    assert_eq!(scene.send().await, Ok(good));
}

#[tokio::test]
async fn an_answer_has_the_status_and_the_media_type() {
    let scene = Scene::new().await;
    for status in [201, 202, 204, 206, 302] {
        let status = StatusCode::from_u16(status).unwrap();
        scene.answers.alter_response(GROUPS, move |response| *response.status_mut() = status);
        assert_eq!(bad(scene.send().await), BadAnswer::Status(status.as_u16()));
    }
    let media_type = HeaderValue::from_static("text/html");
    scene.answers.alter_response(GROUPS, move |response| {
        response.headers_mut().insert("content-type", media_type.clone());
    });
    assert_eq!(bad(scene.send().await), BadAnswer::MediaType("application/vnd.pando"));
    scene.answers.alter_response(GROUPS, |response| *response.status_mut() = StatusCode::BAD_GATEWAY);
    assert_eq!(bad(scene.send().await), BadAnswer::MediaType("application/problem+json"));
    scene.answers.alter_body(GROUPS, |_| b"body".to_vec());
    assert_eq!(bad(scene.alice.api.acknowledge(group_id(), 1).await), BadAnswer::NotEmpty);
}

#[tokio::test]
async fn contents_have_the_hash_that_names_them() {
    let scene = Scene::new().await;
    let contents = Bytes::from_static(b"a blob");
    let stored = scene.alice.api.store_blob(contents.clone(), EXPIRES).await.unwrap();
    let digest = Digest::of(&contents);
    let read_blob = || scene.alice.api.read_blob(digest);
    scene.answers.alter_body("/v1/blobs/", |_| b"A blob".to_vec());
    assert_eq!(bad(read_blob().await), BadAnswer::Hash);
    scene.answers.alter_body("/v1/blobs/", |body| body[..body.len() - 1].to_vec());
    assert_eq!(bad(read_blob().await), BadAnswer::Hash);
    // A range cannot be compared with the digest, but it is the range that was asked for.
    let range = Some(ByteRange { first: 1, last: Some(3) });
    let part = Operation::ReadBlob { digest, range };
    assert_eq!(bad(scene.alice.api.call(&part).await), BadAnswer::Range);
    for (alter, expected) in [
        ((|blob: &mut Blob| blob.bytes += 1) as fn(&mut Blob), BadAnswer::Other("stored blob")),
        (|blob| blob.expires += 1, BadAnswer::Other("stored blob")),
    ] {
        scene.alter("/v1/blobs/", alter);
        assert_eq!(bad(scene.alice.api.store_blob(contents.clone(), EXPIRES).await), expected);
    }
    scene.alter("/v1/blobs/", |blob: &mut Blob| blob.expires -= 1);
    let shorter = Blob { expires: EXPIRES - 1, ..stored };
    assert_eq!(scene.alice.api.store_blob(contents, EXPIRES).await, Ok(shorter));
    scene.answers.stop();
    let tree_hash = scene.alice.api.read_state(group_id()).await.unwrap().tree_hash;
    let read_tree = |suite| scene.alice.api.read_tree(group_id(), tree_hash.clone(), suite);
    let good = read_tree(Some(suite())).await.unwrap();
    let trees = format!("{GROUPS}YSBncm91cCBvZiAxNiBieXRlcw/trees/");
    scene.answers.alter_body(&trees, |tree| {
        let mut altered = tree.to_vec();
        *altered.last_mut().unwrap() ^= 1;
        altered
    });
    assert_eq!(bad(read_tree(Some(suite())).await), BadAnswer::Hash);
    assert_ne!(read_tree(None).await, Ok(good));
}

#[tokio::test]
async fn pages_and_states_are_those_that_were_asked_for() {
    let scene = Scene::new().await;
    scene.send().await.unwrap();
    let read_log = || scene.alice.api.read_log(group_id(), 0, 0);
    for (alter, expected) in [
        ((|page: &mut LogPage| page.entries[0].seq = 2) as fn(&mut LogPage), BadAnswer::Place),
        (|page| drop(page.entries.remove(0)), BadAnswer::Place),
        (|page| drop(page.entries.pop()), BadAnswer::Place),
        (|page| page.head.head.time += 1, BadAnswer::Head(HeadError::Signature)),
    ] {
        scene.alter(GROUPS, alter);
        assert_eq!(bad(read_log().await), expected);
    }
    scene.alter(GROUPS, |state: &mut GroupState| state.head.head.seq += 1);
    let state = scene.alice.api.read_state(group_id()).await;
    assert_eq!(bad(state), BadAnswer::Head(HeadError::Signature));
    scene.alter(GROUPS, |state: &mut GroupState| {
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        state.head.head.group_id = "another group of 16".into();
        state.head = state.head.head.clone().sign(&key).unwrap();
    });
    assert_eq!(bad(scene.alice.api.read_state(group_id()).await), BadAnswer::OtherLog);
    let entry = |seq| InboxEntry {
        seq,
        group_id: group_id(),
        group_seq: 1,
        expires: EXPIRES,
        tree_hash: b"".into(),
        welcome: b"".into(),
    };
    for entries in [vec![entry(3)], vec![entry(5), entry(5)], vec![entry(5), entry(4)]] {
        scene.alter("/v1/inbox", move |page: &mut InboxPage| page.entries.clone_from(&entries));
        assert_eq!(bad(scene.alice.api.read_inbox(3, 0).await), BadAnswer::Place);
    }
}

#[tokio::test]
async fn claimed_key_packages_are_of_the_target() {
    let scene = Scene::new().await;
    let user = || ClaimTarget::User("alice@example.org".parse().unwrap());
    let client = || ClaimTarget::Client("alice@example.org/laptop".parse().unwrap());
    for (target, names) in [
        (user(), vec!["mallory@example.org/laptop"]),
        (user(), vec!["alice@example.org/laptop", "alice@example.org/laptop"]),
        (client(), vec!["alice@example.org/phone"]),
    ] {
        scene.alter("/v1/key-packages/claims", move |claimed: &mut ClaimedKeyPackages| {
            let claimed_of =
                |name: &&str| ClaimedKeyPackage { client: name.parse().unwrap(), status: ClaimStatus::None };
            claimed.clients = names.iter().map(claimed_of).collect();
        });
        let claimed = scene.alice.api.claim_key_packages(claim(1, target)).await;
        assert_eq!(bad(claimed), BadAnswer::Other("client of a KeyPackage"));
    }
    assert_eq!(claim(1, user()).cipher_suite, SUITE);
}

#[tokio::test]
async fn an_answer_above_the_limit_is_not_read() {
    let mut world = World::new().await;
    let mut alice = world.member("alice@example.org/laptop", 1);
    let mut limits = pando_client::AnswerLimits::default();
    (limits.blob, limits.long) = (1_000, 1_000);
    alice.api = alice.api.with_limits(limits);
    world.create(&mut alice).await;
    for (length, fits) in [(1_000, true), (1_001, false), (1_000_000, false)] {
        let contents: Bytes = vec![7; length].into();
        alice.api.store_blob(contents.clone(), EXPIRES).await.unwrap();
        let read = alice.api.read_blob(Digest::of(&contents)).await;
        let limit = CallError::TooLarge(TooLarge::Answer { limit: 1_000 });
        assert_eq!(read.map(|blob| blob.bytes), if fits { Ok(contents) } else { Err(limit) });
    }
    let state = alice.api.read_state(group_id()).await;
    assert_eq!(state.unwrap_err(), TooLarge::Answer { limit: 1_000 }.into());
}

/// The client does not have the proposal by which the server removes a client.
#[tokio::test]
async fn the_receipt_of_a_removal_is_that_of_a_proposal() {
    let scene = Scene::new().await;
    let receipt = scene.send().await.unwrap();
    let answer = |receipt: Receipt| {
        scene.answers.alter_response(GROUPS, move |response| {
            *response.status_mut() = StatusCode::OK;
            *response.body_mut() = Envelope::encode_body(receipt.clone()).unwrap().into();
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/vnd.pando"));
        });
        let client = "alice@example.org/laptop".parse().unwrap();
        scene.alice.api.request_removal(group_id(), RemovalIntent { client, since: 1 })
    };
    assert_eq!(bad(answer(receipt.clone()).await), BadAnswer::Place);
    let altered = Receipt { kind: EntryKind::Proposal, ..receipt };
    assert_eq!(bad(answer(altered).await), BadAnswer::Receipt(ReceiptError::Hash));
}

#[tokio::test]
async fn a_new_group_begins_with_its_first_entries() {
    let mut scene = Scene::new().await;
    let extensions = scene.world.clients.extensions(&policy());
    scene.world.clients.group_id = "a second group of 16 bytes".into();
    let group_info = scene.world.clients.build_group(&mut scene.alice.device, extensions);
    let message = group_info.clone();
    scene.alter("/v1/groups", move |receipt: &mut Receipt| {
        let Head { incarnation, time, .. } = receipt.head.head;
        let (kind, epoch, message) = (EntryKind::Creation, 0, message.clone().into());
        let entry = LogEntry { incarnation, seq: 3, time, kind, epoch, message };
        receipt.previous = [7; 32].as_slice().into();
        let hash = receipt.head.head.log().entry_hash(&entry, &receipt.previous).unwrap();
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        receipt.head = Head { seq: 3, hash, ..receipt.head.head.clone() }.sign(&key).unwrap();
    });
    let request = CreateGroup { group_info: group_info.into(), first_commit: None };
    assert_eq!(bad(scene.alice.api.create_group(request).await), BadAnswer::Place);
}

#[tokio::test]
async fn reports_are_about_the_group() {
    let scene = Scene::new().await;
    assert_eq!(scene.alice.api.list_reports(group_id()).await, Ok(Reports::default()));
    for (domain, id) in [("example.org", "another group of 16"), ("example.com", "a group of 16 bytes")] {
        let statement = ReportStatement {
            domain: domain.parse().unwrap(),
            group_id: id.into(),
            seq: 1,
            digest: Digest::of(b"commit"),
            leaf: LeafIndex(0),
            failure: Failure::Other,
        };
        let report = statement.sign(&*scene.alice.device.signer).unwrap();
        scene.alter(GROUPS, move |reports: &mut Reports| reports.reports = vec![report.clone()]);
        let reports = scene.alice.api.list_reports(group_id()).await;
        assert_eq!(bad(reports), BadAnswer::Other("group of a report"));
    }
}

/// Other transports than ours may ignore the limit.
#[tokio::test]
async fn a_transport_that_ignores_the_limit_does_not_matter() {
    let scene = Scene::new().await;
    scene.answers.alter_body(GROUPS, |_| vec![0; (64 << 10) + 1]);
    assert_eq!(scene.send().await, Err(TooLarge::Answer { limit: 64 << 10 }.into()));
}
