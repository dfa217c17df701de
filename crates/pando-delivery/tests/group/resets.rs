//! Resets of groups.

use crate::branches::{Branch, resumption};
use crate::fixture::{Device, World, code, group_id, policy, suite};
use crate::reports::report;
use pando_api::{CreateGroup, GroupAddress, Policy, ProblemCode, Reset};
use pando_delivery::Refusal;
use pando_delivery::group::{CheckedGroup, LargeWrite};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{
    CipherSuite, Decode, GroupId, LeafIndex, MlsMessage, MlsMessageBody, ProtocolVersion, Psk, ReInit,
};
use std::sync::Arc;

/// Returns a group whose epoch 1 was ended by Alice's Commit with the sequence number 3, and the
/// Commit. No client has processed the Commit, and it
/// is pending at Alice's.
fn with_commit() -> (World, Device, Device, Device, Vec<u8>) {
    let (mut world, mut alice, bob, carol) = World::with_three();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).unwrap();
    (world, alice, bob, carol, commit.commit.to_vec())
}

/// Returns a group as [`with_commit`] does, and files a report of Bob.
fn with_report() -> (World, Device, Device, Device) {
    let (world, alice, bob, carol, commit) = with_commit();
    world.file(&bob.caller, &report(&*bob.signer, 1, (3, &commit))).unwrap();
    (world, alice, bob, carol)
}

fn reset(successor: CreateGroup) -> Reset {
    Reset { last_good_epoch: 1, successor }
}

/// Checks that a request is refused because the group has ended, with this successor.
fn check_ended<T>(result: Result<T, Refusal>, world: &World, successor: &GroupId) {
    let Err(refusal) = result else { panic!("not refused") };
    assert_eq!(refusal.problem().known_code(), Some(ProblemCode::GroupEnded));
    let address = GroupAddress::new(successor, &world.domain).unwrap().to_string();
    assert_eq!(refusal.problem().successor, Some(address));
}

#[test]
fn a_reset_ends_the_group_and_names_the_successor() {
    let (mut world, alice, mut bob, carol) = with_report();
    let key_packages = world.key_packages(&mut [&mut bob]);
    let branch = Branch { joiners: key_packages, ..Branch::of(1) };
    let successor = branch.group_id.clone();
    let request = reset(world.build_branch(&alice, branch));
    let before = world.page(&bob.caller, 2, usize::MAX).unwrap();
    let receipt = world.reset(&alice.caller, &request).unwrap();
    assert_eq!((receipt.head.head.group_id.clone(), receipt.head.head.seq), (successor.clone(), 2));

    // Nothing follows in the log.
    let message = world.encrypt(&mut bob, "hello");
    check_ended(world.send(&bob.caller, &message), &world, &successor);
    let update = world.build_update(&mut bob);
    check_ended(world.propose(&bob.caller, &update), &world, &successor);
    let commit = world.build_commit(&mut bob, None, |commit| commit);
    check_ended(world.submit(&bob.caller, &commit), &world, &successor);
    let late = report(&*carol.signer, 2, (3, &before.entries[0].message));
    check_ended(world.file(&carol.caller, &late), &world, &successor);
    assert_eq!(world.page(&bob.caller, 2, usize::MAX).unwrap(), before);

    // Repeating the request returns the first answer and changes nothing.
    let rows = world.rows();
    world.now += 1_000;
    assert_eq!(world.reset(&alice.caller, &request).unwrap(), receipt);
    assert_eq!(world.rows(), rows);

    // Bob recognises the successor as a branch of its epoch.
    let first_commit = request.successor.first_commit.unwrap();
    let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(&first_commit.welcome).unwrap().body else {
        panic!("not a Welcome")
    };
    let cx = world.context(&*bob.signer);
    let joined =
        bob.group.as_ref().unwrap().join_successor(&welcome, bob.bundle.as_ref().unwrap(), None, &cx);
    assert_eq!(joined.unwrap().assume_persisted().epoch(), 1);
}

/// The Commit of a race is refused in its transaction.
#[test]
fn a_commit_that_was_checked_before_the_reset_is_not_written() {
    let (mut world, mut alice, _, _) = with_report();
    world.follow(&mut alice, 2);
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    let checked = world.check(&alice.caller, &commit).unwrap();
    let request = reset(world.build_branch(&alice, Branch::of(1)));
    world.reset(&alice.caller, &request).unwrap();
    check_ended(world.write_commit(checked), &world, &Branch::of(1).group_id);
}

#[test]
fn a_reset_needs_a_report_of_another_user() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let mut laptop = world.device("alice@example.org/laptop", 1);
    let key_packages = world.key_packages(&mut [&mut laptop]);
    let add = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    world.submit(&alice.caller, &add).unwrap();
    world.follow(&mut alice, 2);
    world.follow(&mut bob, 2);
    let bad = world.build_commit(&mut bob, None, |commit| commit);
    world.submit(&bob.caller, &bad).unwrap();

    let request = Reset { last_good_epoch: 2, successor: world.build_branch(&alice, Branch::of(2)) };
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::UnconfirmedReset);
    for device in [(&alice, 0), (&laptop, 3)] {
        let own = report(&*device.0.signer, device.1, (4, &bad.commit));
        world.file(&device.0.caller, &own).unwrap();
        assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::UnconfirmedReset, "own report");
    }
    world.file(&bob.caller, &report(&*bob.signer, 1, (3, &add.commit))).unwrap();
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::UnconfirmedReset, "another Commit");
    world.file(&bob.caller, &report(&*bob.signer, 1, (4, &bad.commit))).unwrap();
    world.reset(&alice.caller, &request).unwrap();
}

#[test]
fn a_group_of_one_user_needs_no_report() {
    let (mut world, mut alice, _, _, _) = with_commit();
    let request = reset(world.build_branch(&alice, Branch::of(1)));
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::UnconfirmedReset);
    world.follow(&mut alice, 2);
    let commit =
        world.build_commit(&mut alice, None, |commit| commit.remove(LeafIndex(1)).remove(LeafIndex(2)));
    world.submit(&alice.caller, &commit).unwrap();
    world.reset(&alice.caller, &request).unwrap();
}

/// The check is repeated in the transaction, because another user may have joined in the meantime.
#[test]
fn a_user_that_joins_in_the_meantime_is_noticed() {
    let mut world = World::new();
    let mut alice = world.device("alice@example.org/phone", 1);
    let mut bob = world.device("bob@example.org/phone", 1);
    let extensions = world.extensions(&policy());
    let group_info = world.build_group(&mut alice, extensions);
    world.create(&alice, group_info).unwrap();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &commit).unwrap();
    let request = Reset { last_good_epoch: 0, successor: world.build_branch(&alice, Branch::of(0)) };
    let checked = world.check_reset(&alice.caller, &request).unwrap();
    world.follow(&mut alice, 1);
    let key_packages = world.key_packages(&mut [&mut bob]);
    let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    world.submit(&alice.caller, &commit).unwrap();
    assert_eq!(code(world.write_reset(checked)), ProblemCode::UnconfirmedReset);
}

#[test]
fn only_admins_of_the_last_good_epoch_reset_a_group() {
    let (mut world, mut alice, bob, carol) = World::with_three();
    // The Commit that cannot be processed replaces Alice as admin by Bob.
    let bobs = Policy { admins: vec!["bob@example.org".parse().unwrap()], ..policy() };
    let extensions = world.extensions(&bobs);
    let commit = world.build_commit(&mut alice, None, |commit| commit.extensions(extensions));
    world.submit(&alice.caller, &commit).unwrap();
    for (device, leaf) in [(&bob, 1), (&carol, 2)] {
        world.file(&device.caller, &report(&*device.signer, leaf, (3, &commit.commit))).unwrap();
    }
    let branch = Branch { policy: bobs.clone(), ..Branch::of(1) };
    let request = reset(world.build_branch(&bob, branch));
    assert_eq!(code(world.reset(&bob.caller, &request)), ProblemCode::Policy, "Bob was not an admin");
    let request = reset(world.build_branch(&alice, Branch::of(1)));
    world.reset(&alice.caller, &request).unwrap();
}

#[test]
fn the_requester_is_a_member_now_and_in_the_last_good_epoch() {
    let (mut world, mut alice, _, _) = with_report();
    world.follow(&mut alice, 2);
    let mut laptop = world.device("alice@example.org/laptop", 1);
    let request = reset(world.build_branch(&laptop, Branch::of(1)));
    assert_eq!(code(world.reset(&laptop.caller, &request)), ProblemCode::NotFound, "not a member");
    let key_packages = world.key_packages(&mut [&mut laptop]);
    let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    world.submit(&alice.caller, &commit).unwrap();
    assert_eq!(code(world.reset(&laptop.caller, &request)), ProblemCode::Policy, "not a member at that time");
    let mallory = world.device("mallory@example.org/phone", 1);
    assert_eq!(code(world.reset(&mallory.caller, &request)), ProblemCode::NotFound);
    // A client of an admin that was removed since.
    world.process(&mut alice, &commit.commit);
    world.join(&mut laptop, &commit.welcome);
    let remove = world.build_commit(&mut laptop, None, |commit| commit.remove(LeafIndex(0)));
    world.submit(&laptop.caller, &remove).unwrap();
    let request = reset(world.build_branch(&alice, Branch::of(1)));
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::NotFound, "removed");
}

#[test]
fn the_last_good_epoch_has_ended_and_is_kept() {
    let (mut world, alice, _, _) = with_report();
    let successor = world.build_branch(&alice, Branch::of(1));
    for (last_good_epoch, expected) in
        [(2, ProblemCode::FutureEpoch), (3, ProblemCode::FutureEpoch), (u64::MAX, ProblemCode::FutureEpoch)]
    {
        let request = Reset { last_good_epoch, successor: successor.clone() };
        assert_eq!(code(world.reset(&alice.caller, &request)), expected);
    }
    // A past epoch is at most 1000 epochs old.
    let behind = |epoch: u64| {
        // The epoch is behind the position of the last entry, which has 57 bytes.
        world.write(move |rows, _| {
            let mut row = rows.get(b"a")?.unwrap();
            row[57..65].copy_from_slice(&epoch.to_be_bytes());
            Ok(rows.put(b"a", &row)?)
        })
    };
    behind(1_002).unwrap();
    assert_eq!(code(world.reset(&alice.caller, &reset(successor.clone()))), ProblemCode::StaleEpoch);
    behind(1_001).unwrap();
    assert!(world.check_reset(&alice.caller, &reset(successor.clone())).is_ok());
    // The rows of the epoch are deleted.
    let past = [b"b".as_slice(), &1_u64.to_be_bytes()].concat();
    world.write(move |rows, _| Ok(rows.delete(&past)?)).unwrap();
    assert_eq!(code(world.reset(&alice.caller, &reset(successor))), ProblemCode::StaleEpoch);
}

#[test]
fn the_successor_is_a_branch_of_the_last_good_epoch() {
    let (mut world, alice, _, _) = with_report();
    let branch = ResumptionPskUsage::Branch;
    let with_psks = |psks: Vec<Psk>| Branch { psks, ..Branch::of(1) };
    let other = GroupId::from("another group of 16 byteS");
    for (branch, why) in [
        (with_psks(Vec::new()), "no PSK"),
        (Branch::of(0), "the PSK of another epoch"),
        (with_psks(vec![resumption(branch, other, 1)]), "the PSK of another group"),
        (with_psks(vec![resumption(ResumptionPskUsage::ReInit, group_id(), 1)]), "a ReInit"),
        (with_psks(vec![resumption(ResumptionPskUsage::Application, group_id(), 1)]), "another usage"),
        (with_psks((0..2).map(|epoch| resumption(branch, group_id(), epoch)).collect()), "two origins"),
        (Branch { group_id: group_id(), ..Branch::of(1) }, "the identifier of the group"),
    ] {
        let request = reset(world.build_branch(&alice, branch));
        assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::InvalidGroup, "{why}");
    }
    let good = world.build_branch(&alice, Branch::of(1));
    let request = reset(CreateGroup { first_commit: None, ..good.clone() });
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::InvalidGroup, "no first Commit");
    // The first Commit of another request.
    let other = world.build_branch(&alice, Branch::of(1)).first_commit;
    let request = reset(CreateGroup { first_commit: other, ..good.clone() });
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::InvalidCommit);
    let laptop = world.device("alice@example.org/laptop", 1);
    let request = reset(world.build_branch(&laptop, Branch::of(1)));
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::SenderMismatch, "another creator");
    let cipher_suite = CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519;
    let request = reset(world.build_branch(&alice, Branch { cipher_suite, ..Branch::of(1) }));
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::InvalidGroup, "another suite");
    // None of the refused requests has ended the group or taken the identifier.
    world.reset(&alice.caller, &reset(good)).unwrap();
}

#[test]
fn the_successor_has_the_admins_of_the_last_good_epoch() {
    let (mut world, alice, _, _) = with_report();
    let users = |users: &[&str]| users.iter().map(|user| user.parse().unwrap()).collect::<Vec<_>>();
    let admins = users(&["alice@example.org", "bob@example.org"]);
    let branch = Branch { policy: Policy { admins, ..policy() }, ..Branch::of(1) };
    let request = reset(world.build_branch(&alice, branch));
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::InvalidGroup);
    // The first Commit replaces the admins.
    let other = world.extensions(&Policy { admins: users(&["alice@example.org", "zoe@a"]), ..policy() });
    let branch = Branch { commit_extensions: Some(other), ..Branch::of(1) };
    let request = reset(world.build_branch(&alice, branch));
    assert_eq!(code(world.reset(&alice.caller, &request)), ProblemCode::InvalidGroup);
    // Other rules of the policy may change.
    let branch =
        Branch { policy: Policy { add: pando_api::Permission::Admins, ..policy() }, ..Branch::of(1) };
    let request = reset(world.build_branch(&alice, branch));
    world.reset(&alice.caller, &request).unwrap();
}

#[test]
fn the_first_of_two_resets_wins() {
    let (mut world, alice, _, _) = with_report();
    let first = reset(world.build_branch(&alice, Branch::of(1)));
    let other = Branch { group_id: "a third group of 16 bytes".into(), ..Branch::of(1) };
    let second = reset(world.build_branch(&alice, other));
    // Both are checked before either is written, and the transaction decides.
    let checked = world.check_reset(&alice.caller, &first).unwrap();
    let late = world.check_reset(&alice.caller, &second).unwrap();
    world.write_reset(checked).unwrap();
    let winner = Branch::of(1).group_id;
    check_ended(world.write_reset(late), &world, &winner);
    check_ended(world.check_reset(&alice.caller, &second), &world, &winner);
    world.reset(&alice.caller, &first).unwrap();
}

#[test]
fn a_reinitialized_group_is_not_reset() {
    let (mut world, mut alice, _, _) = with_report();
    world.follow(&mut alice, 2);
    let request = reset(world.build_branch(&alice, Branch::of(1)));
    let checked = world.check_reset(&alice.caller, &request).unwrap();
    // The successor of the ReInit has the same identifier as that of the reset.
    let successor = Branch::of(1).group_id;
    let reinit = ReInit {
        group_id: successor.clone(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite().cipher_suite(),
        extensions: world.extensions(&policy()),
    };
    let commit = world.build_commit(&mut alice, None, |commit| commit.reinit(reinit));
    world.submit(&alice.caller, &commit).unwrap();
    check_ended(world.write_reset(checked), &world, &successor);
    check_ended(world.reset(&alice.caller, &request), &world, &successor);
}

#[test]
fn a_crash_between_the_transactions_leaves_a_group_that_goes_on() {
    let (mut world, alice, mut bob, _) = with_report();
    let request = reset(world.build_branch(&alice, Branch::of(1)));
    let checked = Arc::new(world.check_reset(&alice.caller, &request).unwrap());
    let receipt = world.create_successor(&checked).unwrap();
    let message = world.encrypt(&mut bob, "hello");
    world.send(&bob.caller, &message).unwrap();
    // The client repeats the request.
    world.now += 1_000;
    assert_eq!(world.reset(&alice.caller, &request).unwrap(), receipt);
    let message = world.encrypt(&mut bob, "again");
    check_ended(world.send(&bob.caller, &message), &world, checked.successor());
}

#[test]
fn a_group_is_created_together_with_its_first_commit() {
    let (mut world, alice, _, _) = World::with_three();
    let request = world.build_branch(&alice, Branch::of(1));
    let (creation, public) = world.check_creation(&alice.caller, &request).unwrap();
    assert_eq!(public.public().epoch(), 1);
    let creation = Arc::new(creation);
    let write = |world: &World, creation: &Arc<CheckedGroup>| {
        let creation = creation.clone();
        world.receipt(
            world.write_to(&Branch::of(1).group_id, move |rows, moment| creation.write(rows, moment, None)),
        )
    };
    let receipt = write(&world, &creation).unwrap();
    receipt.verify(&request.first_commit.as_ref().unwrap().commit, &world.keys).unwrap();
    assert_eq!(receipt.head.head.seq, 2);
    world.now += 1_000;
    assert_eq!(write(&world, &creation).unwrap(), receipt);
    // Another group cannot take the identifier.
    let other = world.build_branch(&alice, Branch::of(1));
    let other = Arc::new(world.check_creation(&alice.caller, &other).unwrap().0);
    assert_eq!(code(write(&world, &other)), ProblemCode::GroupExists);
}
