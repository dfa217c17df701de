//! A Commit of every kind is pending while a Commit of every kind arrives. All members follow the
//! one that arrives. The others get their proposals back, and propose again those that still make
//! sense.

use crate::proposals::{add, custom, extensions, reinit, remove, set_extensions};
use crate::world::{World, external_psk, fast_suites};
use pando_mls::{
    CommitBuilder, GroupError, LeafIndex, Misuse, MlsMessage, Processed, Proposal, Suite, Violation,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Empty,
    Update,
    Add,
    Remove,
    Psk,
    WithoutPath,
    Extensions,
    Custom,
    ReInit,
    JoinFromOutside,
    Resync,
}

const BY_MEMBERS: [Kind; 9] = [
    Kind::Empty,
    Kind::Update,
    Kind::Add,
    Kind::Remove,
    Kind::Psk,
    Kind::WithoutPath,
    Kind::Extensions,
    Kind::Custom,
    Kind::ReInit,
];

/// Makes a Commit that is not delivered yet, by a member or by an external join, and returns the
/// joiner of the latter.
fn commit(world: &mut World, by: usize, kind: Kind) -> (MlsMessage, Option<crate::world::Member>) {
    let proposal = match kind {
        Kind::JoinFromOutside | Kind::Resync => {
            let (newcomer, group_info) = (world.newcomer(), world.members[0].group_info(true));
            let resync = (kind == Kind::Resync).then_some(LeafIndex(3));
            let (member, message) = world.external(newcomer, &group_info, None, resync, vec![]).unwrap();
            return (message, Some(member));
        }
        Kind::Psk => return (world.build(by, |builder| builder.psk(external_psk(1))).unwrap().0, None),
        Kind::WithoutPath => {
            let built = world.build(by, |builder| builder.psk(external_psk(2)).without_path());
            return (built.unwrap().0, None);
        }
        // Covers the pending proposals.
        Kind::Empty | Kind::Update => return (world.build(by, |builder| builder).unwrap().0, None),
        Kind::Add => add(world.newcomer().key_package()),
        Kind::Remove => remove(3),
        Kind::Extensions => set_extensions(extensions(&[0xf0f0])),
        Kind::Custom => custom(0xf001, b""),
        Kind::ReInit => Proposal::ReInit(Box::new(reinit(world.suite, extensions(&[])))),
    };
    (world.build(by, |builder| builder.proposal(proposal)).unwrap().0, None)
}

/// Returns the number of proposals by value, which the merge returns.
fn given_back(kind: Kind) -> usize {
    usize::from(!matches!(kind, Kind::Empty | Kind::Update))
}

fn race(suite: Suite, public: bool, pending: Kind, incoming: Kind, slow: usize, fast: usize) {
    let mut world = if public { World::public(suite) } else { World::new(suite) };
    world.add(0, 3);
    if [pending, incoming].contains(&Kind::Update) && ![pending, incoming].contains(&Kind::ReInit) {
        world.propose_update(2);
    }
    let (late, _) = commit(&mut world, slow, pending);
    let (first, joining) = commit(&mut world, fast, incoming);
    let mut wanted = Vec::new();
    for (index, member) in world.members.iter_mut().enumerate() {
        match member.process(&first).unwrap() {
            Processed::OwnCommit => member.merge_pending(),
            Processed::Commit(staged) => {
                let lost = member.merge(*staged);
                if index == slow {
                    wanted = lost;
                } else {
                    assert_eq!(lost, []);
                }
            }
            other => panic!("not a Commit: {other:?}"),
        }
    }
    assert_eq!(wanted.len(), given_back(pending));
    world.members.retain(|member| member.group.is_active() || incoming == Kind::ReInit);
    world.members.extend(joining);
    world.agree();
    for member in &mut world.members {
        assert!(!member.group.is_pending(&late));
        assert!(member.process(&late).is_err());
    }
    world.agree();

    // The loser proposes them again.
    let built = world.build(slow, |builder| wanted.into_iter().fold(builder, CommitBuilder::proposal));
    let message = match (pending, incoming, built) {
        (_, Kind::ReInit, built) => {
            assert_eq!(built.unwrap_err(), GroupError::Misuse(Misuse::Ended));
            return;
        }
        (Kind::Remove, Kind::Remove, built) => {
            let violation = Violation::RemovedIsNoMember(LeafIndex(3));
            assert_eq!(built.unwrap_err(), GroupError::Proposal { index: 0, violation });
            return;
        }
        (_, _, built) => built.unwrap().0,
    };
    for (index, member) in world.members.iter_mut().enumerate() {
        assert_eq!(member.follow(&message), index == slow);
    }
    if pending == Kind::ReInit {
        assert!(world.members.iter().all(|member| member.group.reinit().is_some()));
        return;
    }
    world.members.retain(|member| member.group.is_active());
    world.agree();
    world.chat(fast);
}

#[test]
fn every_kind_of_commit_loses_to_every_kind() {
    let from_outside = [Kind::JoinFromOutside, Kind::Resync];
    for pending in BY_MEMBERS {
        for incoming in BY_MEMBERS.into_iter().chain(from_outside) {
            // Leaf 0 loses once, and wins once.
            for suite in fast_suites() {
                race(suite, false, pending, incoming, 0, 1);
                race(suite, true, pending, incoming, 1, 0);
            }
        }
    }
}
