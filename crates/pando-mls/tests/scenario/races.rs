//! A Commit of each kind is pending while a Commit of each kind arrives. All members follow the
//! Commit that arrives. The other committers receive their proposals back, and repeat those that
//! are still useful.

use crate::group_fixture::{GroupFixture, external_psk, fast_suites};
use crate::proposals::{add, custom, extensions, reinit, remove, set_extensions};
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

/// Creates a Commit by a member or an external joiner, without delivering it. For an external join,
/// also returns the joiner.
fn commit(
    fixture: &mut GroupFixture,
    by: usize,
    kind: Kind,
) -> (MlsMessage, Option<crate::group_fixture::Member>) {
    let proposal = match kind {
        Kind::JoinFromOutside | Kind::Resync => {
            let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
            let resync = (kind == Kind::Resync).then_some(LeafIndex(3));
            let (member, message) = fixture.external(newcomer, &group_info, None, resync, vec![]).unwrap();
            return (message, Some(member));
        }
        Kind::Psk => return (fixture.build(by, |builder| builder.psk(external_psk(1))).unwrap().0, None),
        Kind::WithoutPath => {
            let built = fixture.build(by, |builder| builder.psk(external_psk(2)).without_path());
            return (built.unwrap().0, None);
        }
        // This Commit covers only the pending proposals.
        Kind::Empty | Kind::Update => return (fixture.build(by, |builder| builder).unwrap().0, None),
        Kind::Add => add(fixture.newcomer().key_package()),
        Kind::Remove => remove(3),
        Kind::Extensions => set_extensions(extensions(&[0xf0f0])),
        Kind::Custom => custom(0xf001, b""),
        Kind::ReInit => Proposal::ReInit(Box::new(reinit(fixture.suite, extensions(&[])))),
    };
    (fixture.build(by, |builder| builder.proposal(proposal)).unwrap().0, None)
}

/// Returns the number of proposals by value. The merge of another Commit must return these
/// proposals.
fn given_back(kind: Kind) -> usize {
    usize::from(!matches!(kind, Kind::Empty | Kind::Update))
}

fn race(suite: Suite, public: bool, pending: Kind, incoming: Kind, slow: usize, fast: usize) {
    let mut fixture = if public { GroupFixture::public(suite) } else { GroupFixture::new(suite) };
    fixture.add(0, 3);
    if [pending, incoming].contains(&Kind::Update) && ![pending, incoming].contains(&Kind::ReInit) {
        fixture.propose_update(2);
    }
    let (late, _) = commit(&mut fixture, slow, pending);
    let (first, joining) = commit(&mut fixture, fast, incoming);
    let mut wanted = Vec::new();
    for (index, member) in fixture.members.iter_mut().enumerate() {
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
    fixture.members.retain(|member| member.group.is_active() || incoming == Kind::ReInit);
    fixture.members.extend(joining);
    fixture.agree();
    for member in &mut fixture.members {
        assert!(!member.group.is_pending(&late));
        assert!(member.process(&late).is_err());
    }
    fixture.agree();

    // The loser proposes its proposals again.
    let built = fixture.build(slow, |builder| wanted.into_iter().fold(builder, CommitBuilder::proposal));
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
    for (index, member) in fixture.members.iter_mut().enumerate() {
        assert_eq!(member.follow(&message), index == slow);
    }
    if pending == Kind::ReInit {
        assert!(fixture.members.iter().all(|member| member.group.reinit().is_some()));
        return;
    }
    fixture.members.retain(|member| member.group.is_active());
    fixture.agree();
    fixture.chat(fast);
}

#[test]
fn every_kind_of_commit_loses_to_every_kind() {
    let from_outside = [Kind::JoinFromOutside, Kind::Resync];
    for pending in BY_MEMBERS {
        for incoming in BY_MEMBERS.into_iter().chain(from_outside) {
            // Leaf 0 loses the first race and wins the second one.
            for suite in fast_suites() {
                race(suite, false, pending, incoming, 0, 1);
                race(suite, true, pending, incoming, 1, 0);
            }
        }
    }
}
