//! A Commit arrives that removes a member whose own Commit is pending. The member gets its
//! proposals back and is out of the group. No client can follow its own Commit.

use crate::proposals::remove;
use crate::world::{World, external_psk, suites};
use pando_mls::{GroupError, LeafIndex, Misuse, Processed, Proposal, Suite};

fn removed(suite: Suite, leaf: u32, public: bool) {
    let mut world = if public { World::public(suite) } else { World::new(suite) };
    world.add(0, 2);
    let committer = world.at(leaf);
    let remover = (committer + 1) % 3;
    let (pending, _) = world.build(committer, |builder| builder.psk(external_psk(1))).unwrap();
    let (removal, _) = world.build(remover, |builder| builder.remove(LeafIndex(leaf))).unwrap();

    let mut gone = world.members.remove(committer);
    match gone.process(&removal).unwrap() {
        Processed::Commit(staged) => {
            assert!(staged.removes_me());
            let lost = gone.merge(*staged);
            assert!(matches!(&lost[..], [Proposal::PreSharedKey(_)]), "{lost:?}");
        }
        other => panic!("not a Commit: {other:?}"),
    }
    assert!(!gone.group.is_active());
    let authenticator = format!("{:?}", gone.group.epoch_authenticator());
    // There is nothing left to merge, and no operation can start.
    let merged = gone.operate(|group, _| group.merge_pending());
    assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
    assert_eq!(gone.clear_pending(), []);
    assert!(!gone.group.is_pending(&pending));
    assert!(gone.process(&pending).is_err());
    assert_eq!(format!("{:?}", gone.group.epoch_authenticator()), authenticator);
    let built = gone.build(|builder| builder, &mut world.rng).map(|_| ());
    assert_eq!(built.unwrap_err(), GroupError::Misuse(Misuse::Ended));

    let remover = world.members.iter().position(|member| member.group.is_pending(&removal)).unwrap();
    world.deliver_commit(remover, &removal);
    for member in &mut world.members {
        assert!(member.process(&pending).is_err());
    }
    world.commit(0, |builder| builder);
    world.chat(1);
}

#[test]
fn a_member_is_removed_while_its_commit_is_pending() {
    for suite in suites() {
        removed(suite, 0, false);
        removed(suite, 2, true);
    }
}

#[test]
fn two_members_remove_each_other() {
    for suite in suites() {
        for (winner, loser) in [(0, 1), (1, 0)] {
            let mut world = World::of(suite, 3);
            let [leaf_of_winner, leaf_of_loser] = [winner, loser].map(|index| world.leaf(index));
            let (first, _) = world.build(winner, |builder| builder.remove(leaf_of_loser)).unwrap();
            let (second, _) = world.build(loser, |builder| builder.remove(leaf_of_winner)).unwrap();
            let gone = world.deliver_commit(winner, &first);
            assert_eq!(gone.len(), 1);
            for member in &mut world.members {
                assert!(member.process(&second).is_err());
            }
            assert!(
                world.tree().is_member(leaf_of_winner).unwrap()
                    && !world.tree().is_member(leaf_of_loser).unwrap()
            );
            world.chat(0);
        }
    }
}

#[test]
fn a_removal_that_is_proposed_and_not_committed_is_nothing() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        world.propose(1, remove(0));
        let (pending, _) = world.build(0, |builder| builder).unwrap();
        world.deliver_commit(0, &pending);
        assert_eq!(world.members.len(), 3);
        world.chat(0);
    }
}
