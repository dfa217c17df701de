//! Lying clients: each is refused by name, and has no effect.

use crate::clients::policy;
use crate::fixture::{World, code};
use pando_api::{Head, Parameters, Policy, ProblemCode, SubmitCommit};
use pando_mls::{CipherSuite, CommitBuilder, Decode, Encode, LeafIndex, MlsMessage, MlsMessageBody};

/// Returns a request with an altered Commit.
fn altered(request: &SubmitCommit, alter: impl FnOnce(&mut pando_mls::wire::PublicMessage)) -> SubmitCommit {
    let mut message = MlsMessage::decode(&request.commit).unwrap();
    let MlsMessageBody::PublicMessage(public) = &mut message.body else { panic!("not public") };
    alter(public);
    SubmitCommit { commit: message.encode().unwrap().into(), ..request.clone() }
}

#[test]
fn a_commit_is_accepted_only_as_its_committer_made_it() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let good = world.build_commit(&mut alice, None, |commit| commit);
    let other = world.build_commit(&mut bob, None, |commit| commit);
    assert_eq!(code(world.submit(&bob.caller, &good)), ProblemCode::SenderMismatch);

    let tag = altered(&good, |public| {
        let tag = public.auth.confirmation_tag.as_mut().unwrap();
        let mut bytes = tag.to_vec();
        bytes[0] ^= 1;
        *tag = bytes.into();
    });
    assert_eq!(code(world.submit(&alice.caller, &tag)), ProblemCode::InvalidGroupInfo);
    let signature = altered(&good, |public| {
        let mut bytes = public.auth.signature.to_vec();
        bytes[0] ^= 1;
        public.auth.signature = bytes.into();
    });
    assert_eq!(code(world.submit(&alice.caller, &signature)), ProblemCode::InvalidCommit);

    for group_info in [other.group_info.clone(), Default::default(), good.commit.clone()] {
        let request = SubmitCommit { group_info, ..good.clone() };
        let code = code(world.submit(&alice.caller, &request));
        assert!(matches!(code, ProblemCode::InvalidGroupInfo | ProblemCode::Malformed), "{code:?}");
    }
    // After all of that, the true Commit is accepted.
    world.submit(&alice.caller, &good).unwrap();
}

#[test]
fn the_joiners_of_a_welcome_are_the_adds_of_its_commit() {
    let (mut world, mut alice, _, _) = World::with_three();
    let mut dave = world.device("dave@example.org/phone", 1);
    let mut erin = world.device("erin@example.org/phone", 1);
    let key_packages = world.key_packages(&mut [&mut dave, &mut erin]);
    let both = world.build_commit(&mut alice, None, |commit| {
        key_packages.clone().into_iter().fold(commit, CommitBuilder::add)
    });
    world.clear(&mut alice);
    let one = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    let with = |request: &SubmitCommit, welcome: &SubmitCommit| SubmitCommit {
        welcome: welcome.welcome.clone(),
        ..request.clone()
    };
    let mut other_suite = MlsMessage::decode(&one.welcome).unwrap();
    let MlsMessageBody::Welcome(welcome) = &mut other_suite.body else { panic!("not a Welcome") };
    welcome.cipher_suite = CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256;
    let other_suite = other_suite.encode().unwrap().into();
    for (request, why) in [
        (SubmitCommit { welcome: other_suite, ..one.clone() }, "it has another cipher suite"),
        (with(&both, &one), "a joiner is missing"),
        (with(&one, &both), "there is another joiner"),
        (SubmitCommit { welcome: Default::default(), ..one.clone() }, "there is no Welcome"),
        (SubmitCommit { welcome: one.group_info.clone(), ..one.clone() }, "it is another message"),
    ] {
        assert_eq!(code(world.submit(&alice.caller, &request)), ProblemCode::InvalidWelcome, "{why}");
    }
    world.submit(&alice.caller, &one).unwrap();
}

#[test]
fn a_commit_refers_only_to_proposals_in_the_log() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let unseen = world.build_update(&mut bob);
    world.process(&mut alice, &unseen);
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    assert_eq!(code(world.submit(&alice.caller, &commit)), ProblemCode::UnknownProposal);
    // Once the proposal is in the log, the same Commit is accepted.
    assert_eq!(code(world.propose(&alice.caller, &unseen)), ProblemCode::SenderMismatch);
    world.propose(&bob.caller, &unseen).unwrap();
    world.submit(&alice.caller, &commit).unwrap();
}

#[test]
fn heads_that_are_stale_or_invented_are_refused() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let heads: Vec<_> = (0..=2).map(|after| world.page(&alice.caller, after, 1).unwrap().head).collect();
    let mut invented = heads[1].clone();
    invented.signature = vec![0; 64].into();
    let mut other_group = heads[1].clone();
    other_group.head.group_id = "another group of 16 bytes".into();
    let forged = Head { hash: [7; 32].into(), ..heads[1].head.clone() }.sign(&world.server_key).unwrap();
    let ahead = Head { seq: 9, ..heads[1].head.clone() }.sign(&world.server_key).unwrap();
    for (head, expected) in [
        (heads[0].clone(), ProblemCode::StaleHead),
        (invented, ProblemCode::UnknownHead),
        (other_group, ProblemCode::UnknownHead),
        (forged, ProblemCode::UnknownHead),
        (ahead, ProblemCode::UnknownHead),
    ] {
        let request = world.build_commit(&mut alice, Some(head), |commit| commit);
        assert_eq!(code(world.submit(&alice.caller, &request)), expected);
        world.clear(&mut alice);
    }
    let message = world.encrypt(&mut bob, "hello");
    world.send(&bob.caller, &message).unwrap();
    let newest = world.page(&alice.caller, 2, usize::MAX).unwrap().head;
    for head in [heads[1].clone(), newest] {
        let request = world.build_commit(&mut alice, Some(head), |commit| commit);
        assert!(world.check(&alice.caller, &request).is_ok());
        world.clear(&mut alice);
    }
}

/// A client that may not read the log learns nothing: not even that the group exists.
#[test]
fn strangers_learn_nothing() {
    let (mut world, mut alice, _, carol) = World::with_three();
    let mallory = world.device("mallory@example.org/phone", 1);
    let commit = world.build_commit(&mut alice, None, |commit| commit.remove(LeafIndex(2)));
    world.submit(&alice.caller, &commit).unwrap();
    world.follow(&mut alice, 2);
    let later = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &later).unwrap();
    // With the bytes of a Commit that is in the log.
    assert_eq!(code(world.submit(&mallory.caller, &commit)), ProblemCode::NotFound);
    assert_eq!(code(world.submit(&carol.caller, &later)), ProblemCode::NotFound);
    // A removed client may still have the receipt of its removal.
    assert!(world.submit(&carol.caller, &commit).is_ok());
    // With an external Commit of an epoch that has ended, and with one of the current epoch.
    for group_info in [&commit.group_info, &later.group_info] {
        let join = world.build_external_commit(&mallory, group_info);
        assert_eq!(code(world.submit(&mallory.caller, &join)), ProblemCode::NotFound);
    }
    // Another device of a member's user learns the epoch.
    let laptop = world.device("alice@example.org/laptop", 1);
    let join = world.build_external_commit(&laptop, &commit.group_info);
    assert_eq!(code(world.submit(&laptop.caller, &join)), ProblemCode::EpochConflict);
    let join = world.build_external_commit(&laptop, &later.group_info);
    world.submit(&laptop.caller, &join).unwrap();
}

#[test]
fn a_removal_that_is_due_must_be_committed() {
    let (mut world, mut alice, mut bob, carol) = World::with_three();
    world.set_removal(&carol.caller.client, 7);
    let request = world.build_commit(&mut bob, None, |commit| commit);
    let refusal = world.submit(&bob.caller, &request).unwrap_err();
    assert_eq!(refusal.problem().known_code(), Some(ProblemCode::PendingRemoval));
    assert_eq!(refusal.problem().proposals, [7]);
    let request = world.build_commit(&mut alice, None, |commit| commit.remove(LeafIndex(2)));
    world.submit(&alice.caller, &request).unwrap();
    world.follow(&mut alice, 2);
    // The removal is done, so the next Commit is free.
    let request = world.build_commit(&mut alice, None, |commit| commit);
    world.submit(&alice.caller, &request).unwrap();
}

#[test]
fn certificates_are_checked_at_admission() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let mut dave = world.device("dave@example.org/phone", 3);
    let key_packages = world.key_packages(&mut [&mut dave]);
    world.revoked.insert(&dave.caller.client, 3);
    let request = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    assert_eq!(code(world.submit(&alice.caller, &request)), ProblemCode::CertificateRevoked);
    world.clear(&mut alice);
    // A session with an older certificate than the leaf's is a thief's.
    bob.caller.version = 0;
    let request = world.build_commit(&mut bob, None, |commit| commit);
    assert_eq!(code(world.submit(&bob.caller, &request)), ProblemCode::CertificateSuperseded);
    bob.caller.version = 1;
    world.clear(&mut bob);
    // A policy violation: only admins remove clients of others. Bob has no rules.
    let request = world.build_commit_without_rules(&mut bob, |commit| commit.remove(LeafIndex(2)));
    assert_eq!(code(world.submit(&bob.caller, &request)), ProblemCode::Policy);
}

#[test]
fn other_kinds_of_messages_are_refused() {
    let (mut world, mut alice, mut bob, _) = World::with_three();
    let commit = world.build_commit(&mut alice, None, |commit| commit);
    let message = world.encrypt(&mut bob, "hello");
    let proposal = world.build_update(&mut bob);
    assert_eq!(code(world.propose(&alice.caller, &commit.commit)), ProblemCode::InvalidMessage);
    assert_eq!(code(world.propose(&bob.caller, &message)), ProblemCode::InvalidMessage);
    assert_eq!(code(world.send(&alice.caller, &commit.commit)), ProblemCode::InvalidMessage);
    assert_eq!(code(world.send(&bob.caller, &proposal)), ProblemCode::InvalidMessage);
    let request = SubmitCommit { commit: proposal.into(), ..commit.clone() };
    assert_eq!(code(world.submit(&bob.caller, &request)), ProblemCode::InvalidMessage);
    let request = SubmitCommit { commit: message[..20].into(), ..commit };
    assert_eq!(code(world.submit(&bob.caller, &request)), ProblemCode::Malformed);
    assert_eq!(world.page(&alice.caller, 2, usize::MAX).unwrap().entries.len(), 0, "nothing was appended");
}

/// The policy names the longest lifetime of an added KeyPackage.
#[test]
fn a_key_package_that_lives_too_long_is_not_added() {
    for (allowed, is_added) in [(1_000_059, false), (1_000_060, true)] {
        let mut world = World::new();
        let mut alice = world.device("alice@example.org/phone", 1);
        let mut bob = world.device("bob@example.org/phone", 1);
        let parameters = Parameters { key_package_lifetime: allowed, ..policy().parameters };
        let extensions = world.extensions(&Policy { parameters, ..policy() });
        let group_info = world.build_group(&mut alice, extensions);
        world.create(&alice, group_info).unwrap();
        // The KeyPackages of the tests live for 1,000,060 seconds.
        let key_package = world.key_packages(&mut [&mut bob]).remove(0);
        let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_package.clone()));
        let checked = world.check(&alice.caller, &commit).map(drop);
        world.clear(&mut alice);
        let proposal = world.build_add(&mut alice, key_package);
        let proposed = world.propose(&alice.caller, &proposal).map(drop);
        for result in [checked, proposed] {
            match result {
                Ok(()) => assert!(is_added),
                Err(refusal) => assert!(!is_added && refusal.is(ProblemCode::Policy), "{refusal}"),
            }
        }
    }
}
