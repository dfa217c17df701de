//! One member proposes many changes that conflict with each other. Every other member can still
//! commit, and covers the compatible ones.

use crate::proposals::{add, custom, extensions, psk, reinit, remove, set_extensions};
use crate::world::{Newcomer, World, external_psk, fast_suites};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{
    CommitBuilder, Encode, Exceeded, GroupConfig, GroupError, GroupId, LeafIndex, Limits, NoPsks, Proposal,
    Psk,
};

#[test]
fn nobody_can_keep_others_from_making_commits() {
    for (committer, suite) in (0..3).flat_map(|committer| fast_suites().map(move |suite| (committer, suite)))
    {
        let mut world = World::of(suite, 4);
        // A fifth member never responds, and does not support the application's proposals.
        let plain = world.newcomer_with(|template| template.capabilities.proposals = vec![]).key_package();
        world.commit(0, |builder| builder.add(plain.clone()));
        for proposal in [
            remove(0),
            remove(1),
            remove(2),
            remove(2),
            // GREASE, which all list and none supports.
            set_extensions(extensions(&[0x1a1a])),
            set_extensions(extensions(&[0xf00d])),
            set_extensions(extensions(&[])),
            set_extensions(extensions(&[])),
            Proposal::ReInit(Box::new(reinit(suite, extensions(&[])))),
            psk(external_psk(1), 32),
            psk(external_psk(1), 32),
            add(plain.clone()),
        ] {
            world.propose(3, proposal);
        }
        // Because of the fifth leaf, this cannot be committed.
        world.propose_unsupported(3, LeafIndex(4), custom(0xf001, b""));
        world.propose_update(3);
        world.propose_update(3);
        world.propose_update(committer);
        world.commit(committer, |builder| builder);
        let left: Vec<_> = world.tree().members().map(Result::unwrap).collect();
        let committer = u32::try_from(committer).unwrap();
        assert_eq!(left, [committer, 3, 4].map(LeafIndex));
        world.chat(0);
    }
}

/// A member proposes PSKs that other members, or all members, do not have.
#[test]
fn pre_shared_keys_that_are_not_at_hand_are_left_out() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 3);
        world.commit(1, |builder| builder);
        let (own, epoch) = (world.context().group_id.clone(), world.context().epoch);
        let resumption = |psk_group_id: &GroupId, psk_epoch| {
            let (usage, psk_group_id) = (ResumptionPskUsage::Application, psk_group_id.clone());
            psk(Psk::Resumption { usage, psk_group_id, psk_epoch }, suite.hash_len())
        };
        let external = psk(external_psk(1), suite.hash_len());
        let known = [resumption(&own, epoch), resumption(&own, epoch - 1)];
        let unknown =
            [resumption(&own, epoch + 1), resumption(&b"else".as_slice().into(), 1), external.clone()];
        for proposal in known.iter().chain(&unknown) {
            world.propose(2, proposal.clone());
        }
        let commit = world.members[0]
            .operate(|group, client| {
                let output = group.commit().build(&client.with_psks(&NoPsks), &mut world.rng)?;
                Ok(output.map(|output| output.message))
            })
            .unwrap();
        let covered = world.members[0].group.pending_epoch().unwrap().proposals();
        assert!(covered.map(|(_, proposal)| proposal).eq(&known));
        world.deliver_commit(0, &commit);
        world.chat(0);
        // An available PSK is covered. A missing PSK is an error if the committer itself proposes
        // it.
        world.propose(2, external.clone());
        let (commit, _) = world.build(0, |builder| builder).unwrap();
        let covered = world.members[0].group.pending_epoch().unwrap().proposals();
        assert!(covered.map(|(_, proposal)| proposal).eq([&external]));
        world.deliver_commit(0, &commit);
        let own = world.build(0, |builder| builder.proposal(unknown[1].clone()));
        assert!(matches!(own, Err(GroupError::Missing(_))));
    }
}

/// A Commit covers at most 65,535 PSKs, because a Welcome numbers them by a u16: the committer's
/// own first.
#[test]
fn more_pre_shared_keys_than_can_be_counted_are_left_out() {
    let suite = fast_suites().next().unwrap();
    let mut world = World::of(suite, 2);
    for name in 0..5 {
        world.propose(1, psk(external_psk(name), suite.hash_len()));
    }
    let own = usize::from(u16::MAX) - 2;
    world.build(0, |builder| (0..own).fold(builder, |builder, _| builder.psk(external_psk(2)))).unwrap();
    let covered = world.members[0].group.pending_epoch().unwrap().proposals().count();
    assert_eq!(covered, usize::from(u16::MAX));
}

/// A Welcome lists all PSKs for each new member. If there is one, fewer PSKs of others are covered,
/// so that the Welcome's size does not grow with the product.
#[test]
fn if_somebody_is_added_there_is_room_for_some_pre_shared_keys() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 2);
        let proposals = (0..120).map(|name| psk(external_psk(name), suite.hash_len()));
        let proposals: Vec<_> = proposals.collect();
        let room = 4_096 / proposals[0].encode().unwrap().len();
        assert!(room < proposals.len());
        for proposal in &proposals {
            world.propose(1, proposal.clone());
        }
        let newcomers = [(); 2].map(|()| world.newcomer());
        let covered = |world: &mut World, newcomer: Option<&Newcomer>| {
            let key_package = newcomer.map(Newcomer::key_package).into_iter();
            world.build(0, |builder| key_package.fold(builder, CommitBuilder::add)).unwrap();
            let covered = world.members[0].group.pending_epoch().unwrap().proposals();
            let covered =
                covered.filter(|(_, proposal)| matches!(proposal, Proposal::PreSharedKey(_))).count();
            world.members[0].clear_pending();
            covered
        };
        assert_eq!(covered(&mut world, None), proposals.len());
        assert_eq!(covered(&mut world, Some(&newcomers[0])), room);
        world.propose(1, add(newcomers[1].key_package()));
        assert_eq!(covered(&mut world, None), room);
        world.commit(0, |builder| builder);
        assert_eq!(world.tree().member_count(), 3);
    }
}

/// A member proposes more Adds than there is room for.
#[test]
fn members_for_whom_there_is_no_room_are_left_out() {
    for suite in fast_suites() {
        let limits = Limits::default().with_leaves(2);
        let mut world = World::with_config(suite, GroupConfig::default().with_limits(limits));
        world.add(0, 1);
        let newcomers = [(); 2].map(|()| world.newcomer().key_package());
        for key_package in &newcomers {
            world.propose(1, add(key_package.clone()));
        }
        world.commit(0, |builder| builder);
        assert_eq!(world.tree().member_count(), 2);
        // One client fits when another is removed. The committer's own Adds are never left out.
        for key_package in &newcomers {
            world.propose(1, add(key_package.clone()));
        }
        let own = world.build(0, |builder| builder.add(newcomers[0].clone()));
        assert_eq!(own.unwrap_err(), GroupError::Exceeded(Exceeded::Leaves(2)));
        world.commit(0, |builder| builder.remove(LeafIndex(1)));
        assert_eq!(world.tree().member_count(), 2);
        assert_eq!(world.tree().leaf(LeafIndex(1)).unwrap(), Some(newcomers[0].leaf_node.clone()));
    }
}
