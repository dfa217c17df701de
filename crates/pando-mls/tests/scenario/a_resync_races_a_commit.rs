//! A client rejoins by an external Commit while a member's Commit is pending that removes its old
//! leaf or does something else. The pending Commit loses in every case.

use crate::world::{Newcomer, World, suites};
use pando_mls::{CommitBuilder, GroupError, LeafIndex, Processed, Violation};

#[test]
fn a_pending_removal_comes_too_late_for_who_comes_back() {
    for suite in suites() {
        for leaf in [0, 2] {
            let mut world = World::of(suite, 3);
            let lost = world.members.remove(world.at(leaf));
            let key = lost.signer.public_key().clone();
            world.build(0, |builder| builder.remove(LeafIndex(leaf))).unwrap();
            let (group_info, bundle) = (world.members[1].group_info(true), world.newcomer().bundle);
            let back = Newcomer { signer: lost.signer, bundle };
            let (back, message) =
                world.external(back, &group_info, None, Some(LeafIndex(leaf)), vec![]).unwrap();
            let mut wanted = Vec::new();
            for member in &mut world.members {
                let Processed::Commit(staged) = member.process(&message).unwrap() else {
                    panic!("not a Commit")
                };
                assert_eq!(staged.removed(), [LeafIndex(leaf)]);
                wanted.extend(member.merge(*staged));
            }
            world.members.push(back);
            world.agree();
            assert_eq!(wanted, [crate::proposals::remove(leaf)]);
            assert_eq!(world.tree().signature_key(LeafIndex(leaf)).unwrap(), Some(key));
            assert_eq!(world.tree().member_count(), 3);
            // Proposed again unchecked, the Remove hits the client that has just rejoined: an
            // application must check the leaf first.
            let (message, _) =
                world.build(0, |builder| wanted.into_iter().fold(builder, CommitBuilder::proposal)).unwrap();
            let gone = world.deliver_commit(0, &message).pop().unwrap();
            assert_eq!(gone.leaf(), LeafIndex(leaf));
        }
    }
}

#[test]
fn the_removal_is_first() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let lost = world.members.remove(2);
        let (group_info, bundle) = (world.members[1].group_info(true), world.newcomer().bundle);
        let back = Newcomer { signer: lost.signer, bundle };
        let (back, late) = world.external(back, &group_info, None, Some(LeafIndex(2)), vec![]).unwrap();
        world.commit(0, |builder| builder.remove(LeafIndex(2)));
        for member in &mut world.members {
            assert!(member.process(&late).is_err());
        }
        // There is no leaf to replace any more. The client joins like any other.
        let back = Newcomer { signer: back.signer, bundle: world.newcomer().bundle };
        let group_info = world.members[0].group_info(true);
        let replaced = world.external(back, &group_info, None, Some(LeafIndex(2)), vec![]).map(|_| ());
        let violation = Violation::RemovedIsNoMember(LeafIndex(2));
        assert_eq!(replaced.unwrap_err(), GroupError::Proposal { index: 1, violation });
        world.join_external(None, vec![]);
        assert_eq!(world.leaf(2), LeafIndex(2));
        world.chat(2);
    }
}
