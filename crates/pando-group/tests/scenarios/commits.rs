//! Commits: of proposals by reference and by value, racing, coming back.

use crate::world::{World, external_psk, suites};
use pando_group::{GroupError, Misuse, Processed};
use pando_wire::{
    CipherSuite, Extension, ExtensionType, Extensions, OtherProposal, Proposal, ProposalType,
    ProtocolVersion, Psk, ReInit, ResumptionPskUsage,
};

#[test]
fn updates_are_committed_by_reference() {
    for suite in suites() {
        let mut world = World::of(suite, 4);
        for by in [1, 2, 0] {
            world.propose_update(by);
        }
        let before = world.clients[1].group.public().tree().leaf(world.leaf(1)).unwrap();
        world.commit(3, |builder| builder);
        let after = world.clients[1].group.public().tree().leaf(world.leaf(1)).unwrap();
        assert_ne!(before.encryption_key, after.encryption_key);
        world.commit(1, |builder| builder);
        world.chat(2);
    }
}

#[test]
fn ones_own_proposals_come_back() {
    for mut world in [World::of(World::first(), 2), World::public(World::first())] {
        let client = &mut world.clients[0];
        let update =
            client.group.propose_update(&*client.signer, crate::world::POLICY, &mut world.rng).unwrap();
        let reference = client.group.pending_proposals().next().unwrap().reference.clone();
        match world.process(0, &update).unwrap() {
            Processed::OwnProposal(known) => assert_eq!(known, reference),
            other => panic!("not recognised: {other:?}"),
        }
        assert_eq!(world.clients[0].group.pending_proposals().count(), 1);
    }
}

#[test]
fn no_more_proposals_are_kept_than_the_limit_says() {
    let mut world = World::public(World::first());
    world.config.pending_proposals = 2;
    world.add(0, 1);
    // The first member has the usual limit, and can make more than the second wants to keep.
    let mut updates = Vec::new();
    for _ in 0..3 {
        let client = &mut world.clients[0];
        updates.push(
            client.group.propose_update(&*client.signer, crate::world::POLICY, &mut world.rng).unwrap(),
        );
    }
    let kept = |world: &World| world.clients[1].group.pending_proposals().count();
    for (update, expected) in [(0, 1), (0, 1), (1, 2), (1, 2)] {
        assert!(matches!(world.process(1, &updates[update]).unwrap(), Processed::Proposal(_)));
        assert_eq!(kept(&world), expected);
    }
    let refused = world.process(1, &updates[2]).unwrap_err();
    assert_eq!(refused, GroupError::Misuse(Misuse::TooManyProposals));
    let client = &mut world.clients[1];
    let own = client.group.propose_update(&*client.signer, crate::world::POLICY, &mut world.rng);
    assert_eq!(own.unwrap_err(), GroupError::Misuse(Misuse::TooManyProposals));
    // The newest that it has is committed, and there is room again.
    world.commit(1, |builder| builder);
    assert_eq!(kept(&world), 0);
    world.propose_update(0);
    assert_eq!(kept(&world), 1);
}

#[test]
fn handshakes_can_be_public() {
    for suite in suites() {
        let mut world = World::public(suite);
        world.add(0, 3);
        world.propose_update(2);
        world.commit(1, |builder| builder);
        world.chat(3);
    }
}

#[test]
fn a_commit_without_a_path() {
    let mut world = World::of(World::first(), 3);
    let (bundle, _) = world.newcomer();
    let output = world.commit(1, |builder| builder.add(bundle.key_package.clone()).without_path());
    assert!(output.welcome.is_some());
    world.chat(2);
    // Without proposals there is a path nevertheless.
    let before = world.clients[0].group.public().tree().clone();
    world.commit(1, |builder| builder.without_path().authenticated_data(b"none"));
    assert!(!world.clients[0].group.public().tree().changes_since(&before).is_empty());
}

#[test]
fn pre_shared_keys_are_mixed_in() {
    let mut world = World::of(World::first(), 3);
    world.commit(0, |builder| builder.psk(external_psk(1)).psk(external_psk(2)));
    let epoch = world.clients[0].group.epoch();
    world.commit(1, |builder| builder);
    let past = Psk::Resumption {
        usage: ResumptionPskUsage::Application,
        psk_group_id: world.clients[0].group.public().context().group_id.clone(),
        psk_epoch: epoch,
    };
    world.commit(2, |builder| builder.psk(past).without_path());
    world.chat(0);
}

#[test]
fn of_two_racing_commits_one_wins() {
    let mut world = World::of(World::first(), 3);
    let first = world.build(1, |builder| builder).unwrap();
    let second = world.build(2, |builder| builder.psk(external_psk(1))).unwrap();
    // The first one arrives first, and the loser gets back what it wanted.
    let mut lost = Vec::new();
    for index in [0, 1, 2] {
        match world.process(index, &first.message).unwrap() {
            Processed::OwnCommit => world.clients[index].group.merge_pending().unwrap(),
            Processed::Commit(staged) => {
                lost.push((index, world.clients[index].group.merge(*staged).unwrap()));
            }
            other => panic!("not a Commit: {other:?}"),
        }
    }
    assert!(lost[0] == (0, vec![]) && lost[1].0 == 2);
    assert!(matches!(&lost[1].1[..], [Proposal::PreSharedKey(psk)] if psk.psk.psk == external_psk(1)));
    world.agree();
    for index in [0, 1, 2] {
        assert!(world.process(index, &second.message).is_err());
    }
    // It tries again.
    world.commit(2, |builder| builder.psk(external_psk(1)));
    world.chat(2);
}

#[test]
fn one_commit_at_a_time() {
    let mut world = World::of(World::first(), 2);
    world.build(0, |builder| builder).unwrap();
    let again = world.build(0, |builder| builder);
    assert_eq!(again.unwrap_err(), GroupError::Misuse(Misuse::CommitPending));
    world.clients[0].group.clear_pending();
    world.commit(0, |builder| builder);
}

#[test]
fn extensions_of_the_group_are_replaced() {
    let mut world = World::of(World::first(), 3);
    // One that everybody lists.
    let extensions =
        Extensions(vec![Extension { extension_type: ExtensionType(0x1a1a), extension_data: vec![7].into() }]);
    world.commit(1, |builder| builder.extensions(extensions.clone()));
    assert_eq!(world.clients[0].group.public().context().extensions, extensions);
    world.add(0, 1);
    world.chat(3);
}

#[test]
fn a_proposal_of_the_applications_own() {
    let mut world = World::of(World::first(), 3);
    let custom =
        Proposal::Other(OtherProposal { proposal_type: ProposalType(0xf001), data: vec![1, 2].into() });
    world.commit(2, |builder| builder.proposal(custom));
    world.chat(0);
}

#[test]
fn a_reinitialized_group_falls_silent() {
    let mut world = World::of(World::first(), 2);
    let reinit = ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[1],
        extensions: Extensions::default(),
    };
    let output = world.build(0, |builder| builder.reinit(reinit.clone())).unwrap();
    for index in [0, 1] {
        assert_eq!(world.follow(index, &output.message), index == 0);
        assert_eq!(world.clients[index].group.reinit(), Some(&reinit));
    }
    world.agree();
    let built = world.build(1, |builder| builder);
    assert_eq!(built.unwrap_err(), GroupError::Misuse(Misuse::NotActive));
}
