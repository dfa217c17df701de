//! Groups, logs and inboxes over the network (docs/protocol.md, sections 7 and 10 to 13).

use crate::clients::{Clients, Device, SUITE, group_id, policy};
use crate::fixture::NOW;
use crate::online::{Online, OnlineSession};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use pando_api::{
    Acknowledgement, CreateGroup, Digest, EntryKind, Failure, GroupAddress, GroupList, GroupState,
    GroupSummary, InboxPage, KeyPackageCounts, LogPage, ProblemCode, Receipt, ReportStatement, Reports,
    Reset, SubmitMessage, UploadKeyPackages,
};
use pando_delivery::http::BodyLimits;
use pando_mls::{Encode, LeafIndex};
use std::time::Duration;
use tokio::time::timeout;

const MOMENT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(30);

/// A server, and a group of which Alice is the only member.
struct World {
    online: Online,
    clients: Clients,
    alice: Device,
    session: OnlineSession,
    /// The path of the group.
    group: String,
}

async fn log_in(online: &Online, device: &Device) -> OnlineSession {
    online.log_in(SUITE, &device.credential, &*device.signer).await
}

impl World {
    async fn new() -> Self {
        let mut clients = Clients::new();
        let remover = clients.remover();
        let online = Online::start(&clients.anchor, None, remover, BodyLimits::default()).await;
        let mut alice = clients.device("alice@example.org/laptop", 1);
        let mut session = log_in(&online, &alice).await;
        let extensions = clients.extensions(&policy());
        let group_info = clients.build_group(&mut alice, extensions).into();
        let created = session.post("/v1/groups", CreateGroup { group_info, first_commit: None }).await;
        assert_eq!(created.decode::<Receipt>(201).kind, EntryKind::Creation);
        let address = GroupAddress::new(&group_id(), &clients.domain).unwrap();
        let group = format!("/v1/groups/{}", address.path_segment());
        Self { online, clients, alice, session, group }
    }

    /// Sends an application message of Alice.
    async fn send(&mut self, text: &str) -> Receipt {
        let message = self.clients.encrypt(&mut self.alice, text).into();
        let sent = self.session.post(&format!("{}/messages", self.group), SubmitMessage { message }).await;
        sent.decode(200)
    }
}

#[tokio::test]
async fn a_group_is_created_and_read() {
    let mut world = World::new().await;
    let receipt = world.send("at five?").await;
    let target = format!("{}/log?after=0&limit=1000000", world.group);
    let page: LogPage = world.session.get(&target, &[]).await.decode(200);
    let kinds: Vec<_> = page.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Creation, EntryKind::Application]);
    assert_eq!(page.head, receipt.head);
    let state: GroupState = world.session.get(&format!("{}/info", world.group), &[]).await.decode(200);
    assert_eq!(state.head, receipt.head);
    world.online.service.run_due(NOW).await.unwrap();
    let list: GroupList = world.session.get("/v1/groups", &[]).await.decode(200);
    let expected = GroupSummary { group_id: group_id(), epoch: 0, seq: 2, is_member: true };
    assert_eq!(list.groups, [expected]);
    let target = format!("{}/acknowledgements", world.group);
    let done = world.session.post(&target, Acknowledgement { seq: 2 }).await;
    assert_eq!(done.status.as_u16(), 204);
}

#[tokio::test]
async fn a_tree_is_served_in_ranges() {
    let mut world = World::new().await;
    let state: GroupState = world.session.get(&format!("{}/info", world.group), &[]).await.decode(200);
    let hash = BASE64_URL_SAFE_NO_PAD.encode(&state.tree_hash);
    let target = format!("{}/trees/{hash}", world.group);
    let whole = world.session.get(&target, &[]).await;
    assert_eq!(whole.status.as_u16(), 200);
    assert_eq!(whole.headers["cache-control"], "private, max-age=31536000, immutable");
    let part = world.session.get(&target, &[("range", "bytes=10-19")]).await;
    assert_eq!(part.status.as_u16(), 206);
    assert_eq!(part.body, whole.body[10..20]);
    let range = format!("bytes 10-19/{}", whole.body.len());
    assert_eq!(part.headers["content-range"], range.as_str());
    let rest = world.session.get(&target, &[("range", "bytes=20-")]).await;
    assert_eq!(rest.body, whole.body[20..]);
    let refused = world.session.get(&target, &[("range", "bytes=100000-")]).await;
    assert_eq!(refused.code(), ProblemCode::Malformed);
    let unknown = world.session.get(&format!("{}/trees/AAAA", world.group), &[]).await;
    assert_eq!(unknown.code(), ProblemCode::NotFound);
}

#[tokio::test]
async fn a_reader_waits_for_the_next_entry() {
    let mut world = World::new().await;
    let target = format!("{}/log?after=1&wait=60", world.group);
    let mut reader = log_in(&world.online, &world.alice).await;
    let reading = tokio::spawn(async move { reader.get(&target, &[]).await.decode::<LogPage>(200) });
    tokio::time::sleep(MOMENT).await;
    assert!(!reading.is_finished());
    let receipt = world.send("at five?").await;
    let page = timeout(LONG, reading).await.unwrap().unwrap();
    assert_eq!((page.entries.len(), page.head), (1, receipt.head));
}

#[tokio::test]
async fn a_reader_without_entries_gets_an_empty_page() {
    let mut world = World::new().await;
    for target in ["/log?after=1", "/log?after=1&wait=1"] {
        let target = format!("{}{target}", world.group);
        let page = timeout(LONG, world.session.get(&target, &[])).await.unwrap();
        assert!(page.decode::<LogPage>(200).entries.is_empty());
    }
}

#[tokio::test]
async fn shutting_down_answers_waiting_readers() {
    let mut world = World::new().await;
    let reading = [format!("{}/log?after=1&wait=60", world.group), "/v1/inbox?wait=60".to_owned()];
    let mut readers = Vec::new();
    for target in reading {
        let mut session = log_in(&world.online, &world.alice).await;
        readers.push(tokio::spawn(async move { session.get(&target, &[]).await.status.as_u16() }));
    }
    world.send("at five?").await;
    tokio::time::sleep(MOMENT).await;
    world.online.server.shutdown.send();
    timeout(LONG, world.online.server.task).await.unwrap().unwrap();
    for reader in readers {
        assert_eq!(timeout(LONG, reader).await.unwrap().unwrap(), 200);
    }
}

#[tokio::test]
async fn a_joiner_finds_its_welcome() {
    let mut world = World::new().await;
    let mut bob = world.clients.device("bob@example.org/phone", 1);
    let mut session = log_in(&world.online, &bob).await;
    let waiting = tokio::spawn(async move {
        let page: InboxPage = session.get("/v1/inbox?after=0&wait=60", &[]).await.decode(200);
        (session, page)
    });
    tokio::time::sleep(MOMENT).await;
    let key_packages = world.clients.key_packages(&mut [&mut bob]);
    let commit = world.clients.build_commit(&mut world.alice, None, |builder| {
        key_packages.into_iter().fold(builder, pando_mls::CommitBuilder::add)
    });
    let receipt: Receipt = world.session.post(&format!("{}/commits", world.group), commit).await.decode(200);
    assert_eq!(receipt.kind, EntryKind::Commit);
    world.online.service.run_due(NOW).await.unwrap();
    let (mut session, page) = timeout(LONG, waiting).await.unwrap().unwrap();
    let entry = &page.entries[0];
    assert_eq!(entry.group_id, group_id());
    let removed = session.send("DELETE", &format!("/v1/inbox/{}", entry.seq), b"").await;
    assert_eq!((removed.status.as_u16(), removed.body.len()), (204, 0));
    let page: InboxPage = session.get("/v1/inbox", &[]).await.decode(200);
    assert!(page.entries.is_empty());
}

#[tokio::test]
async fn key_packages_are_uploaded_and_counted() {
    let mut world = World::new().await;
    let mut bob = world.clients.device("bob@example.org/phone", 1);
    let mut session = log_in(&world.online, &bob).await;
    let key_packages = world.clients.key_packages(&mut [&mut bob]);
    let key_packages = key_packages.iter().map(|key_package| key_package.encode().unwrap().into()).collect();
    let upload = UploadKeyPackages { key_packages, last_resort: Vec::new().into() };
    let answer = session.post("/v1/key-packages", upload).await;
    assert_eq!(answer.status.as_u16(), 204, "{}", String::from_utf8_lossy(&answer.body));
    let counts: KeyPackageCounts = session.get("/v1/key-packages", &[]).await.decode(200);
    assert_eq!((counts.counts.len(), counts.counts[0].count), (1, 1));
}

#[tokio::test]
async fn reports_and_resets_reach_the_group() {
    let mut world = World::new().await;
    let target = format!("{}/reports", world.group);
    assert_eq!(world.session.get(&target, &[]).await.decode::<Reports>(200), Reports::default());
    let state: GroupState = world.session.get(&format!("{}/info", world.group), &[]).await.decode(200);
    let statement = ReportStatement {
        domain: world.clients.domain.clone(),
        group_id: group_id(),
        seq: 1,
        digest: Digest::of(&state.group_info),
        leaf: LeafIndex(0),
        failure: Failure::Other,
    };
    // The entry is the creation and not a Commit.
    let report = statement.sign(&*world.alice.signer).unwrap();
    assert_eq!(world.session.post(&target, report).await.code(), ProblemCode::InvalidReport);
    let successor = CreateGroup { group_info: state.group_info, first_commit: None };
    let reset = Reset { last_good_epoch: 0, successor };
    let answer = world.session.post(&format!("{}/reset", world.group), reset).await;
    // Epoch 0 has not ended.
    assert_eq!(answer.code(), ProblemCode::FutureEpoch, "{}", answer.problem());
}
