//! Members that try to stop a group, and requests that are repeated late.

use crate::clients::{Device, SUITE, message, policy};
use crate::fixture::{World, code};
use pando_api::{CreateGroup, ExternalCommits, Policy, ProblemCode, RemovalIntent, SubmitCommit};
use pando_delivery::group::Caller;
use pando_mls::wire::{Content, ExternalSender, ExternalSenders};
use pando_mls::{
    CipherSuite, Credential, CryptoProvider, Decode, Encode, Extension, Extensions, GroupId, LeafIndex,
    MlsMessage, MlsMessageBody, ProtocolVersion, ReInit, RustCrypto, Sender,
};

/// Returns a handshake with another membership tag, which the server cannot verify.
fn with_other_tag(bytes: &[u8]) -> Vec<u8> {
    let mut message = MlsMessage::decode(bytes).unwrap();
    let MlsMessageBody::PublicMessage(public) = &mut message.body else { panic!("not public") };
    let tag = public.membership_tag.as_mut().unwrap();
    let mut altered = tag.to_vec();
    altered[0] ^= 1;
    *tag = altered.into();
    message.encode().unwrap()
}

#[tokio::test]
async fn a_proposal_is_in_the_log_once_however_it_is_encoded() {
    let (mut world, _, mut bob, _) = World::with_three(1).await;
    let update = world.build_update(&mut bob);
    world.send(&bob.caller, &update).await.unwrap();
    let again = world.send(&bob.caller, &with_other_tag(&update)).await;
    assert_eq!(code(again), ProblemCode::InvalidProposal);
    assert_eq!(world.page(&bob.caller, 2, usize::MAX).await.unwrap().entries.len(), 1);
}

/// A member has a quota of proposals, so the removal of another client always has its place.
#[tokio::test]
async fn proposals_of_one_member_leave_room_for_others() {
    let (mut world, mut alice, mut bob, carol) = World::with_three(1).await;
    for _ in 0..16 {
        let update = world.build_update(&mut bob);
        world.send(&bob.caller, &update).await.unwrap();
    }
    let update = world.build_update(&mut bob);
    assert_eq!(code(world.send(&bob.caller, &update).await), ProblemCode::Limit);
    let update = world.build_update(&mut alice);
    world.send(&alice.caller, &update).await.unwrap();
    let leave = RemovalIntent { client: carol.caller.client.clone(), since: 2 };
    world.service.request_removal(&carol.caller, &world.group_id, leave, world.now).await.unwrap();
}

#[tokio::test]
async fn a_creation_is_repeated_after_the_certificates_of_joiners_have_ended() {
    let mut world = World::new(1).await;
    let mut alice = world.device("alice@example.org/phone", 1);
    let mut bob = world.device("bob@example.org/phone", 1);
    let extensions = world.extensions(&policy());
    let group_info = world.build_group(&mut alice, extensions);
    let key_packages = world.key_packages(&mut [&mut bob]);
    let first = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    let request = CreateGroup { group_info: group_info.into(), first_commit: Some(first) };
    let receipt = world.service.create_group(&alice.caller, request.clone(), world.now).await.unwrap();
    world.now += 31 * 24 * 60 * 60 * 1_000;
    let repeated = world.service.create_group(&alice.caller, request.clone(), world.now).await;
    assert_eq!(repeated.unwrap(), receipt);
    // The answer is for the creator only.
    assert!(world.service.create_group(&bob.caller, request, world.now).await.is_err());
}

/// A session or a certificate from before a login with a higher version is a thief's.
#[tokio::test]
async fn a_superseded_client_can_do_nothing() {
    let (mut world, mut alice, mut bob, _) = World::with_three(1).await;
    let newer = Caller { version: 2, ..bob.caller.clone() };
    let nonce = (b"nonce".to_vec(), world.now + 1_000);
    world.service.record_login(&newer, nonce, world.now).await.unwrap();
    let hello = world.encrypt(&mut bob, "hello");
    assert_eq!(code(world.send(&bob.caller, &hello).await), ProblemCode::CertificateSuperseded);
    let leave = RemovalIntent { client: bob.caller.client.clone(), since: 2 };
    let removal = world.service.request_removal(&bob.caller, &world.group_id, leave, world.now).await;
    assert_eq!(code(removal), ProblemCode::CertificateSuperseded);
    let removed = world.service.remove_inbox_entry(&bob.caller, 1).await;
    assert_eq!(code(removed), ProblemCode::CertificateSuperseded);
    let update = world.build_update(&mut bob);
    assert_eq!(code(world.send(&bob.caller, &update).await), ProblemCode::CertificateSuperseded);
    let commit = world.build_commit(&mut bob, None, |commit| commit);
    assert_eq!(code(world.submit(&bob.caller, &commit).await), ProblemCode::CertificateSuperseded);
    world.clear(&mut bob);
    let acknowledged = world.service.acknowledge(&bob.caller, &world.group_id, 2, world.now).await;
    assert_eq!(code(acknowledged), ProblemCode::CertificateSuperseded);
    // A Commit without any certificate of the committer.
    let guest = world.device("guest@example.org/phone", 1);
    let key_package = world.bundle(&guest).key_package;
    let commit = world.build_commit(&mut bob, None, |commit| commit.add(key_package));
    assert_eq!(code(world.submit(&bob.caller, &commit).await), ProblemCode::CertificateSuperseded);

    // The server refuses an Add and a new group with a certificate of a lower version.
    let mut dave = world.device("dave@example.org/phone", 1);
    let newer = Caller { version: 2, ..dave.caller.clone() };
    let nonce = (b"nonce".to_vec(), world.now + 1_000);
    world.service.record_login(&newer, nonce, world.now).await.unwrap();
    let key_packages = world.key_packages(&mut [&mut dave]);
    let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    assert_eq!(code(world.submit(&alice.caller, &commit).await), ProblemCode::CertificateSuperseded);
    let admin = Policy { admins: vec![dave.caller.user()], ..policy() };
    let extensions = world.extensions(&admin);
    world.group_id = "another group of 16 bytes".into();
    let group_info = world.build_group(&mut dave, extensions);
    let request = CreateGroup { group_info: group_info.into(), first_commit: None };
    let created = world.service.create_group(&dave.caller, request, world.now).await;
    assert_eq!(code(created), ProblemCode::CertificateSuperseded);
}

/// A certificate may be superseded while its Update is pending. The refusal of a Commit that covers
/// the Update names it, so that the committer can leave it out.
#[tokio::test]
async fn a_refusal_names_the_proposals_whose_certificates_are_refused() {
    let (mut world, mut alice, mut bob, mut carol) = World::with_three(1).await;
    let updates = [world.build_update(&mut carol), world.build_update(&mut bob)];
    world.send(&carol.caller, &updates[0]).await.unwrap();
    let seq = world.send(&bob.caller, &updates[1]).await.unwrap().head.head.seq;
    let newer = Caller { version: 2, ..bob.caller.clone() };
    let nonce = (b"nonce".to_vec(), world.now + 1_000);
    world.service.record_login(&newer, nonce, world.now).await.unwrap();
    world.follow(&mut alice).await;
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    let refusal = world.submit(&alice.caller, &commit).await.unwrap_err();
    assert!(refusal.is(ProblemCode::CertificateSuperseded), "{refusal}");
    assert_eq!(refusal.problem().proposals, [seq]);

    // Without the Update, the certificate of the Commit's own Add is refused.
    world.clear(&mut alice);
    let pending = alice.group().pending_proposals();
    let carols = pending.filter(|pending| pending.sender == Sender::Member(LeafIndex(2)));
    let carols: Vec<_> = carols.map(|pending| pending.reference.clone()).collect();
    assert_eq!(carols.len(), 1);
    let mut dave = world.device("dave@example.org/phone", 1);
    let newer = Caller { version: 2, ..dave.caller.clone() };
    world.service.record_login(&newer, (b"other".to_vec(), world.now + 1_000), world.now).await.unwrap();
    let key_packages = world.key_packages(&mut [&mut dave]);
    let only = carols.clone();
    let commit =
        world.build_commit(&mut alice, None, |commit| commit.only_pending(only).add(key_packages[0].clone()));
    let refusal = world.submit(&alice.caller, &commit).await.unwrap_err();
    assert!(refusal.is(ProblemCode::CertificateSuperseded), "{refusal}");
    assert!(refusal.problem().proposals.is_empty(), "the Commit does not refer to the Update");
    world.clear(&mut alice);
    let commit = world.build_commit(&mut alice, None, |commit| commit.only_pending(carols));
    world.submit(&alice.caller, &commit).await.unwrap();
}

/// An external Commit is refused for its certificate before its signature is verified, so it must
/// not make the server check the pending proposals.
#[tokio::test]
async fn a_refusal_of_an_external_commit_names_no_proposals() {
    let (mut world, mut alice, mut bob, _) = World::with_three(1).await;
    let update = world.build_update(&mut bob);
    world.send(&bob.caller, &update).await.unwrap();
    let newer = Caller { version: 2, ..bob.caller.clone() };
    let nonce = (b"nonce".to_vec(), world.now + 1_000);
    world.service.record_login(&newer, nonce, world.now).await.unwrap();
    world.follow(&mut alice).await;
    let mut request = world.build_commit(&mut alice, None, |commit| commit);
    let mut altered = MlsMessage::decode(&request.commit).unwrap();
    let MlsMessageBody::PublicMessage(public) = &mut altered.body else { panic!("not public") };
    (public.content.sender, public.membership_tag) = (Sender::NewMemberCommit, None);
    let Content::Commit(commit) = &mut public.content.content else { panic!("not a Commit") };
    commit.path.as_mut().unwrap().leaf_node.credential = Credential::basic("alice");
    request.commit = altered.encode().unwrap().into();
    let refusal = world.submit(&alice.caller, &request).await.unwrap_err();
    assert!(refusal.is(ProblemCode::CertificateInvalid), "{refusal}");
    assert!(refusal.problem().proposals.is_empty(), "{refusal}");
}

/// A KeyPackage may expire while its Add is pending.
#[tokio::test]
async fn a_refusal_names_the_adds_whose_key_packages_have_expired() {
    let (mut world, mut alice, mut bob, _) = World::with_three(1).await;
    let mut dave = world.device("dave@example.org/phone", 1);
    let key_package = world.key_packages(&mut [&mut dave]).remove(0);
    let add = world.build_add(&mut bob, key_package);
    let seq = world.send(&bob.caller, &add).await.unwrap().head.head.seq;
    world.follow(&mut alice).await;
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    // The KeyPackages of the tests live for about 11 days, and the certificates for 30.
    world.now += 12 * 24 * 60 * 60 * 1_000;
    let refusal = world.submit(&alice.caller, &commit).await.unwrap_err();
    assert!(refusal.is(ProblemCode::CertificateInvalid), "{refusal}");
    assert_eq!(refusal.problem().proposals, [seq]);
    world.clear(&mut alice);
    let commit = world.build_commit(&mut alice, None, |commit| commit.only_pending([]));
    world.submit(&alice.caller, &commit).await.unwrap();
}

/// The server could never remove a client from a group whose external sender is a key of another
/// signature scheme, or of another party.
#[tokio::test]
async fn the_external_sender_is_the_server_with_a_key_for_the_cipher_suite() {
    let mut world = World::new(1).await;
    let mut alice = world.device("alice@example.org/phone", 1);
    let good = world.extensions(&policy());
    let p256 = RustCrypto.suite(CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256).unwrap();
    let mut rng = world.rng.clone();
    let other = p256.signer(&p256.signature_generate_key(&mut rng).unwrap()).unwrap();
    let sender =
        |signature_key, domain: &str| ExternalSender { signature_key, credential: Credential::basic(domain) };
    let server = world.remover().public_key().clone();
    for senders in [
        vec![sender(other.public_key().clone(), "example.org")],
        vec![sender(server.clone(), "example.org"), sender(other.public_key().clone(), "example.org")],
        vec![sender(server.clone(), "other.example")],
        vec![],
    ] {
        let senders = Extension::new(&ExternalSenders(senders)).unwrap();
        let extensions = Extensions(vec![good.0[0].clone(), senders]);
        let group_info = world.build_group_without_rules(&mut alice, extensions);
        let request = CreateGroup { group_info: group_info.into(), first_commit: None };
        let created = world.service.create_group(&alice.caller, request, world.now).await;
        assert_eq!(code(created), ProblemCode::InvalidGroup);
    }
}

#[tokio::test]
async fn a_group_info_with_a_tree_is_refused() {
    let (mut world, mut alice, mut bob, _) = World::with_three(1).await;
    let good = world.build_commit(&mut alice, None, |commit| commit);
    world.process(&mut bob, &good.commit);
    let Device { signer, group, .. } = &mut bob;
    let with_tree = group.as_mut().unwrap().group_info().build(&world.context(&**signer)).unwrap();
    let request = SubmitCommit { group_info: message(with_tree).into(), ..good.clone() };
    assert_eq!(code(world.submit(&alice.caller, &request).await), ProblemCode::InvalidGroupInfo);
    world.submit(&alice.caller, &good).await.unwrap();
}

/// The state is served to admins without a member, and to every client if the policy admits all.
#[tokio::test]
async fn clients_that_may_join_can_read_the_state() {
    let (mut world, _, bob, _) = World::with_three(1).await;
    let mallory = world.device("mallory@example.org/phone", 1);
    assert_eq!(code(world.state(&mallory.caller).await), ProblemCode::NotFound);
    world.state(&bob.caller).await.unwrap();

    let mut world = World::new(1).await;
    let mut alice = world.device("alice@example.org/phone", 1);
    let open = Policy { external_commits: ExternalCommits::Everyone, ..policy() };
    let extensions = world.extensions(&open);
    let group_info = world.build_group(&mut alice, extensions);
    let request = CreateGroup { group_info: group_info.into(), first_commit: None };
    world.service.create_group(&alice.caller, request, world.now).await.unwrap();
    let dave = world.device("dave@example.org/phone", 1);
    let (group_info, tree) = world.state(&dave.caller).await.unwrap();
    let join: SubmitCommit = world.build_external_commit_with(&dave, &group_info, (&tree, None));
    world.submit(&dave.caller, &join).await.unwrap();
}

/// The identifier of a successor is reserved, so a group cannot end without a successor.
#[tokio::test]
async fn nobody_takes_the_identifier_of_a_successor() {
    let (mut world, mut alice, mut bob, _) = World::with_three(1).await;
    let group = world.group_id.clone();
    let reinit = |world: &World, group_id: GroupId| ReInit {
        group_id,
        version: ProtocolVersion::MLS_10,
        cipher_suite: SUITE,
        extensions: world.extensions(&policy()),
    };
    for bad in [group.clone(), GroupId::from("short")] {
        let proposal = reinit(&world, bad);
        let commit = world.build_commit(&mut alice, None, |commit| commit.reinit(proposal));
        assert_eq!(code(world.submit(&alice.caller, &commit).await), ProblemCode::InvalidCommit);
        world.clear(&mut alice);
    }
    let successor = GroupId::from("a successor of 16 bytes");
    let proposal = reinit(&world, successor.clone());
    let commit = world.build_commit(&mut alice, None, |commit| commit.reinit(proposal));
    world.submit(&alice.caller, &commit).await.unwrap();
    let state = world.service.group_state(&bob.caller, &group).await.unwrap();
    assert_eq!(state.successor, Some(successor.clone()));

    // Bob's own group with this identifier, of which he is the admin.
    let admin = Policy { admins: vec![bob.caller.user()], ..policy() };
    let extensions = world.extensions(&admin);
    world.group_id = successor;
    let group_info = world.build_group(&mut bob, extensions);
    let request = CreateGroup { group_info: group_info.into(), first_commit: None };
    let created = world.service.create_group(&bob.caller, request, world.now).await;
    assert_eq!(code(created), ProblemCode::GroupExists);
}
