//! A client joins by an external Commit while a member commits. One of the two wins, and the other
//! tries again.

use crate::world::{World, external_psk, read, suites};
use pando_mls::{CommitBuilder, LeafIndex, Processed, Proposal};

#[test]
fn the_commit_is_first() {
    for suite in suites() {
        for committer in [0, 1] {
            let mut world = World::of(suite, 2);
            let (newcomer, group_info) = (world.newcomer(), world.members[0].group_info(true));
            let (mut joining, late) = world.external(newcomer, &group_info, None, None, vec![]).unwrap();
            let (commit, _) = world.commit(committer, |builder| builder);
            for member in &mut world.members {
                assert!(member.process(&late).is_err());
            }
            // The joiner learns that it has lost: its group never existed.
            assert!(joining.process(&commit).is_err());
            let message = world.send(0, b"not for you yet");
            assert!(joining.process(&message).is_err());
            let again = crate::world::Newcomer { signer: joining.signer, bundle: world.newcomer().bundle };
            let group_info = world.members[0].group_info(true);
            let (member, message) = world.external(again, &group_info, None, None, vec![]).unwrap();
            world.deliver_commit(usize::MAX, &message);
            world.members.push(member);
            world.agree();
            world.chat(2);
        }
    }
}

#[test]
fn the_one_from_outside_is_first() {
    for suite in suites() {
        for committer in [0, 1] {
            let mut world = World::of(suite, 2);
            let (newcomer, group_info) = (world.newcomer(), world.members[0].group_info(true));
            let (commit, _) = world.build(committer, |builder| builder.psk(external_psk(1))).unwrap();
            let (member, message) = world.external(newcomer, &group_info, None, None, vec![]).unwrap();
            let mut wanted = Vec::new();
            for other in &mut world.members {
                let Processed::Commit(staged) = other.process(&message).unwrap() else {
                    panic!("not a Commit")
                };
                wanted.extend(other.merge(*staged));
            }
            world.members.push(member);
            world.agree();
            assert!(matches!(&wanted[..], [Proposal::PreSharedKey(_)]));
            for other in &mut world.members {
                assert!(other.process(&commit).is_err());
            }
            world.commit(committer, |builder| wanted.into_iter().fold(builder, CommitBuilder::proposal));
            world.chat(2);
        }
    }
}

#[test]
fn two_come_from_outside_at_once() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let group_info = world.members[0].group_info(true);
        let [(first, won), (second, lost)] = [0, 1].map(|_| {
            let newcomer = world.newcomer();
            world.external(newcomer, &group_info, None, None, vec![]).unwrap()
        });
        // Both assume the same leaf.
        assert_eq!((first.leaf(), second.leaf()), (LeafIndex(2), LeafIndex(2)));
        world.deliver_commit(usize::MAX, &won);
        world.members.push(first);
        world.agree();
        for member in &mut world.members {
            assert!(member.process(&lost).is_err());
        }
        world.join_external(None, vec![]);
        world.chat(3);
        let mut second = second;
        let message = world.send(2, b"from the same leaf");
        assert!(second.process(&message).is_err());
        assert_eq!(read(world.members[0].process(&message)).0, LeafIndex(2));
    }
}
