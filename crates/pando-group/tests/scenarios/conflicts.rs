//! Proposals that do not go together, and a committer who has to choose (section 12.2).

use crate::world::{NOW, POLICY, World, external_psk, suites};
use pando_wire::{
    Add, CipherSuite, Extension, ExtensionType, Extensions, GroupContextExtensions, LeafIndex, MlsMessage,
    OtherProposal, PreSharedKey, PreSharedKeyId, Proposal, ProposalType, ProtocolVersion, ReInit, Remove,
};

fn propose(world: &mut World, by: usize, proposal: Proposal) -> MlsMessage {
    let client = &mut world.clients[by];
    let message = client.group.propose(proposal, &*client.signer, POLICY, Some(NOW), &mut world.rng).unwrap();
    world.deliver_proposal(by, &message);
    message
}

fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

fn reinit() -> Proposal {
    Proposal::ReInit(Box::new(ReInit {
        group_id: vec![1].into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[0],
        extensions: Extensions::default(),
    }))
}

fn psk() -> Proposal {
    let psk = PreSharedKeyId { psk: external_psk(1), psk_nonce: vec![1; 32].into() };
    Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
}

/// Extensions of the group, all of one type without content.
fn extensions(types: &[u16]) -> Extensions {
    let extension =
        |kind: &u16| Extension { extension_type: ExtensionType(*kind), extension_data: vec![].into() };
    Extensions(types.iter().map(extension).collect())
}

fn set_extensions(types: &[u16]) -> Proposal {
    Proposal::GroupContextExtensions(GroupContextExtensions { extensions: extensions(types) })
}

fn encryption_key(world: &World, leaf: u32) -> Vec<u8> {
    world.clients[0].group.public().tree().leaf(LeafIndex(leaf)).unwrap().encryption_key.to_vec()
}

#[test]
fn a_removal_wins_over_an_update() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        world.propose_update(1);
        world.commit(0, |builder| builder.remove(LeafIndex(1)));
        assert_eq!(world.clients.len(), 2);
        world.add(0, 1);
        world.propose_update(1);
        propose(&mut world, 2, remove(2));
        propose(&mut world, 1, remove(1));
        world.commit(0, |builder| builder);
        assert_eq!(world.clients.len(), 1);
    }
}

#[test]
fn a_committer_leaves_its_own_removal_to_others() {
    let mut world = World::of(World::first(), 3);
    propose(&mut world, 1, remove(0));
    world.commit(0, |builder| builder);
    assert_eq!(world.clients.len(), 3);
    propose(&mut world, 1, remove(0));
    world.commit(2, |builder| builder);
    assert_eq!(world.clients.len(), 2);
}

#[test]
fn the_newest_update_counts() {
    let mut world = World::of(World::first(), 3);
    let first = encryption_key(&world, 1);
    world.propose_update(1);
    world.propose_update(1);
    let pending: Vec<_> = world.clients[0].group.pending_proposals().cloned().collect();
    let Proposal::Update(newest) = &pending[1].proposal else { panic!("no Update") };
    world.commit(0, |builder| builder);
    assert_eq!(encryption_key(&world, 1), *newest.leaf_node.encryption_key);
    assert_ne!(encryption_key(&world, 1), first);
    world.commit(1, |builder| builder);
}

#[test]
fn a_client_that_two_propose_to_add_is_added_once() {
    let mut world = World::of(World::first(), 3);
    let add = |world: &mut World| {
        let key_package = world.newcomer().0.key_package;
        Proposal::Add(Box::new(Add { key_package }))
    };
    let (one, other, third) = (add(&mut world), add(&mut world), add(&mut world));
    for (by, proposal) in [(0, &one), (1, &one), (2, &other), (1, &third)] {
        propose(&mut world, by, proposal.clone());
    }
    world.commit(0, |builder| builder.proposal(third));
    assert_eq!(world.clients[0].group.public().tree().member_count(), 6);
}

#[test]
fn a_client_that_is_there_is_not_added_unless_it_goes() {
    let mut world = World::of(World::first(), 2);
    let (bundle, _) = world.newcomer();
    let add = Proposal::Add(Box::new(Add { key_package: bundle.key_package.clone() }));
    world.commit(0, |builder| builder.add(bundle.key_package));
    propose(&mut world, 1, add.clone());
    world.commit(0, |builder| builder);
    assert_eq!(world.clients[0].group.public().tree().member_count(), 3);
    propose(&mut world, 1, add);
    let output = world.commit(0, |builder| builder.remove(LeafIndex(2)));
    assert!(output.welcome.is_some());
}

#[test]
fn a_reinitialization_gives_way() {
    let mut world = World::of(World::first(), 2);
    propose(&mut world, 1, reinit());
    propose(&mut world, 1, psk());
    world.commit(0, |builder| builder);
    propose(&mut world, 1, reinit());
    world.commit(0, |builder| builder.psk(external_psk(2)));
    assert!(world.clients.iter().all(|client| client.group.is_active()));
    propose(&mut world, 1, reinit());
    propose(&mut world, 0, reinit());
    let message = world.build(0, |builder| builder).unwrap().message;
    assert!(!world.follow(1, &message));
    assert!(world.clients[1].group.reinit().is_some());
}

#[test]
fn extensions_are_replaced_once_and_by_what_members_support() {
    let mut world = World::of(World::first(), 3);
    for types in [&[0xf00d][..], &[0x1a1a], &[]] {
        propose(&mut world, 1, set_extensions(types));
    }
    world.commit(0, |builder| builder);
    let group = |world: &World| world.clients[0].group.public().context().extensions.clone();
    assert_eq!(group(&world), extensions(&[0x1a1a]));
    propose(&mut world, 1, set_extensions(&[0x1a1a]));
    world.commit(0, |builder| builder.extensions(Extensions::default()));
    assert_eq!(group(&world), Extensions::default());
}

/// Everything at once, from one member, and every other one can commit.
#[test]
fn nobody_can_keep_others_from_making_commits() {
    for committer in [0, 1, 2] {
        let mut world = World::of(World::first(), 4);
        let (suite, mut template) = (world.suite, crate::world::template());
        template.capabilities.proposals = vec![];
        let plain = crate::world::new_client(suite, template, &mut world.rng).0.key_package;
        world.commit(0, |builder| builder.add(plain.clone()));
        let other =
            |kind| Proposal::Other(OtherProposal { proposal_type: ProposalType(kind), data: vec![].into() });
        for proposal in [
            remove(0),
            remove(1),
            remove(2),
            remove(2),
            set_extensions(&[0xf00d]),
            set_extensions(&[]),
            set_extensions(&[]),
            reinit(),
            psk(),
            psk(),
            Proposal::Add(Box::new(Add { key_package: plain.clone() })),
            // Whom the fifth leaf keeps from being sent.
            other(0xf001),
            other(0xf002),
        ] {
            propose(&mut world, 3, proposal);
        }
        world.propose_update(3);
        world.propose_update(3);
        world.propose_update(committer);
        world.commit(committer, |builder| builder);
        let tree = world.clients[0].group.public().tree();
        let left: Vec<_> = tree.members().collect();
        let committer = u32::try_from(committer).unwrap();
        assert_eq!(left, [committer, 3, 4].map(LeafIndex));
    }
}
