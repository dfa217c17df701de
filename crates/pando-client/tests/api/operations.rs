//! Each operation of docs/protocol.md with its answer (sections 5, 7 and 10 to 15).

use crate::clients::{SUITE, group_id, policy, tree_hash};
use crate::world::{EXPIRES, Member, World, claim, successor_id};
use bytes::Bytes;
use futures_util::future::join;
use pando_api::{
    Blob, ClaimTarget, CreateGroup, Digest, EntryKind, Failure, GroupSummary, LastResort, LogCursor, LogId,
    RemovalIntent, ReportStatement, Reset, ServerKey, UploadKeyPackages,
};
use pando_client::{Answer, ByteRange, Operation};
use pando_mls::{Decode, Encode, Extension, Extensions, KeyPackage, LeafIndex};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

#[tokio::test]
async fn every_operation_has_its_answer() {
    let mut world = World::new().await;
    let mut alice = world.member("alice@example.org/laptop", 1);
    let mut bob = world.member("bob@example.org/phone", 1);
    let mut carol = world.member("carol@example.org/phone", 1);
    describe(&alice).await;
    let bobs = upload_and_claim(&mut world, &alice, &mut bob, 1).await;
    let carols = upload_and_claim(&mut world, &alice, &mut carol, 2).await;
    create_with_commit(&mut world, &mut alice).await;
    world.create(&mut alice).await;
    world.add(&mut alice, vec![bobs, carols], &mut [&mut bob, &mut carol]).await;
    talk(&mut world, &mut alice, &mut bob).await;
    read(&world, &alice).await;
    // Carol leaves.
    let intent = RemovalIntent { client: carol.device.caller.client.clone(), since: 2 };
    let receipt = carol.api.request_removal(group_id(), intent).await.unwrap();
    assert_eq!(receipt.kind, EntryKind::Proposal);
    world.refresh(&mut alice).await;
    store_blob(&alice).await;
    report_and_reset(&mut world, &mut alice, &bob).await;
    assert_eq!(templates(&world.server.requests.all()), EVERY_OPERATION.map(str::to_owned).into());
}

/// All requests of the document, with placeholders for what is behind the paths' last words.
const EVERY_OPERATION: [&str; 23] = [
    "DELETE inbox/{}",
    "GET .well-known/pando",
    "GET blobs/{}",
    "GET groups",
    "GET groups/{}/info",
    "GET groups/{}/log",
    "GET groups/{}/reports",
    "GET groups/{}/trees/{}",
    "GET healthz",
    "GET inbox",
    "GET key-packages",
    "POST groups",
    "POST groups/{}/acknowledgements",
    "POST groups/{}/commits",
    "POST groups/{}/messages",
    "POST groups/{}/removals",
    "POST groups/{}/reports",
    "POST groups/{}/reset",
    "POST key-packages",
    "POST key-packages/claims",
    "POST sessions",
    "POST sessions/challenges",
    "PUT blobs/{}",
];

fn templates(requests: &[String]) -> BTreeSet<String> {
    let template = |request: &String| {
        let path = request.split('?').next().unwrap().replace(" /v1/", " /");
        let parents = ["groups", "trees", "blobs", "inbox"];
        let segments: Vec<_> = path.split('/').collect();
        let named = segments.iter().enumerate().map(|(at, segment)| {
            let is_name = at > 1 && parents.contains(&segments[at - 1]);
            if is_name { "{}" } else { segment }
        });
        named.collect::<Vec<_>>().join("/").replacen('/', "", 1)
    };
    requests.iter().map(template).collect()
}

async fn describe(member: &Member) {
    member.api.check_health().await.unwrap();
    assert_eq!(member.api.description(), None);
    let description = member.api.describe().await.unwrap();
    let key = ServerKey::from_secret(&Zeroizing::new([9; 32])).public();
    assert_eq!((description.domain.as_str(), description.keys.get(key.id())), ("example.org", Some(&key)));
    assert_eq!(description.limits["commit_bytes"], 64 << 20);
    assert_eq!(description.removers.keys().collect::<Vec<_>>(), ["ed25519"]);
    member.api.list_groups().await.unwrap();
    assert_eq!(member.api.description(), Some(description));
}

/// Lets a client upload a KeyPackage and one of last resort, and a member claim the first.
async fn upload_and_claim(world: &mut World, claimer: &Member, owner: &mut Member, id: u8) -> KeyPackage {
    let bundle = world.clients.bundle(&owner.device);
    let extension = Extensions(vec![Extension::new(&LastResort).unwrap()]);
    let last_resort = world.clients.bundle_with(&owner.device, SUITE, extension).key_package;
    let upload = UploadKeyPackages {
        key_packages: vec![bundle.key_package.encode().unwrap().into()],
        last_resort: last_resort.encode().unwrap().into(),
    };
    owner.api.upload_key_packages(upload).await.unwrap();
    owner.device.bundle = Some(bundle);
    let counts = owner.api.count_key_packages().await.unwrap().counts;
    assert_eq!((counts[0].count, counts[0].has_last_resort), (1, true));
    let client = owner.device.caller.client.clone();
    let target = if id == 1 { ClaimTarget::User(client.user()) } else { ClaimTarget::Client(client) };
    let claimed = claimer.api.claim_key_packages(claim(id, target)).await.unwrap();
    KeyPackage::decode(claimed.clients[0].status.key_package().unwrap()).unwrap()
}

/// Creates another group together with its first Commit.
async fn create_with_commit(world: &mut World, member: &mut Member) {
    let extensions = world.clients.extensions(&policy());
    let id = std::mem::replace(&mut world.clients.group_id, "a second group of 16 bytes".into());
    let group_info = world.clients.build_group(&mut member.device, extensions).into();
    world.clients.group_id = id;
    let first = world.clients.build_commit(&mut member.device, None, |commit| commit);
    member.device.group = None;
    let request = CreateGroup { group_info, first_commit: Some(first) };
    let receipt = member.api.create_group(request.clone()).await.unwrap();
    assert_eq!((receipt.kind, receipt.head.head.seq), (EntryKind::Commit, 2));
    // A repeated request has the first answer.
    assert_eq!(member.api.create_group(request).await, Ok(receipt));
}

/// Sends a proposal, and a message that a reader waits for.
async fn talk(world: &mut World, alice: &mut Member, bob: &mut Member) {
    let update = world.clients.build_update(&mut bob.device);
    let receipt = bob.api.submit_message(group_id(), update.into()).await.unwrap();
    assert_eq!(receipt.kind, EntryKind::Proposal);
    let after = receipt.head.head.seq;
    let message = world.clients.encrypt(&mut alice.device, "is anybody there?");
    let requests = world.server.requests.clone();
    let sending = async {
        requests.wait_for(&format!("GET {}", log_path(after))).await;
        alice.api.submit_message(group_id(), message.clone().into()).await.unwrap()
    };
    let (page, receipt) = join(bob.api.read_log(group_id(), after, 60), sending).await;
    let page = page.unwrap();
    assert_eq!((&*page.entries[0].message, &page.head), (message.as_slice(), &receipt.head));
    let log = LogId { domain: world.clients.domain.clone(), group_id: group_id() };
    let keys = &world.server.service.settings().keys;
    assert!(LogCursor::before(log, after + 1).advance(&page, keys).is_ok());
}

fn log_path(after: u64) -> String {
    let domain = "example.org".parse().unwrap();
    let address = pando_api::GroupAddress::new(&group_id(), &domain).unwrap();
    format!("/v1/groups/{}/log?after={after}&wait=60", address.path_segment())
}

async fn read(world: &World, member: &Member) {
    let limited = Operation::ReadLog { group_id: group_id(), after: 0, limit: Some(1), wait: 0 };
    let Answer::Log(page) = member.api.call(&limited).await.unwrap() else { panic!() };
    assert_eq!((page.entries.len(), page.entries[0].seq), (1, 1));
    member.api.acknowledge(group_id(), 3).await.unwrap();
    let state = member.api.read_state(group_id()).await.unwrap();
    assert_eq!(tree_hash(&state.group_info), &*state.tree_hash);
    assert_eq!((state.tree_leaves, state.proposals.len()), (4, 1));
    let whole = member.api.read_tree(group_id(), state.tree_hash.clone(), None).await.unwrap();
    let range = Some(ByteRange { first: 5, last: Some(9) });
    let part = Operation::ReadTree { group_id: group_id(), tree_hash: state.tree_hash, range, suite: None };
    let Answer::Contents(part) = member.api.call(&part).await.unwrap() else { panic!() };
    assert_eq!((&part.bytes, part.offset, part.total), (&whole.bytes.slice(5..10), 5, whole.total));
    world.server.run_due().await;
    let groups = member.api.list_groups().await.unwrap().groups;
    let expected = GroupSummary { group_id: group_id(), epoch: 1, seq: 4, is_member: true };
    assert!(groups.len() == 2 && groups.contains(&expected), "{groups:?}");
}

async fn store_blob(member: &Member) {
    let contents: Bytes = vec![7; 70_000].into();
    let expected = Blob { expires: EXPIRES, bytes: 70_000 };
    assert_eq!(member.api.store_blob(contents.clone(), EXPIRES).await, Ok(expected));
    let digest = Digest::of(&contents);
    assert_eq!(member.api.read_blob(digest).await.unwrap().bytes, contents);
    for (range, length) in [
        (ByteRange { first: 69_990, last: None }, 10),
        (ByteRange { first: 0, last: Some(0) }, 1),
        (ByteRange { first: 0, last: Some(1 << 40) }, 70_000),
    ] {
        let read = Operation::ReadBlob { digest, range: Some(range) };
        let Answer::Contents(part) = member.api.call(&read).await.unwrap() else { panic!() };
        assert_eq!((part.bytes.len(), part.offset, part.total), (length, range.first, 70_000));
    }
}

/// Lets Bob report Alice's last Commit, and Alice reset the group.
async fn report_and_reset(world: &mut World, alice: &mut Member, bob: &Member) {
    let bad = world.refresh(alice).await;
    let statement = ReportStatement {
        domain: world.clients.domain.clone(),
        group_id: group_id(),
        seq: alice.device.seq,
        digest: Digest::of(&bad.commit),
        leaf: LeafIndex(1),
        failure: Failure::PathSecret,
    };
    let report = statement.sign(&*bob.device.signer).unwrap();
    bob.api.file_report(group_id(), report.clone()).await.unwrap();
    assert_eq!(alice.api.list_reports(group_id()).await.unwrap().reports, [report]);
    let epoch = alice.device.group().epoch() - 1;
    let reset = Reset { last_good_epoch: epoch, successor: world.branch(alice, epoch) };
    let receipt = alice.api.reset_group(group_id(), reset).await.unwrap();
    assert_eq!((receipt.head.head.group_id, receipt.head.head.seq), (successor_id(), 2));
}
