//! Two members make a Commit in the same epoch. One wins. The other gets its proposals back, and
//! commits them again.

use crate::world::{World, external_psk, suites};
use pando_mls::{CommitBuilder, Processed, Proposal};

#[test]
fn two_racing_committers() {
    for suite in suites() {
        // Leaf 0 loses to leaf 1, and then wins.
        let mut world = World::of(suite, 3);
        for (winner, loser) in [(1, 0), (0, 1)] {
            let (first, _) = world.build(winner, |builder| builder).unwrap();
            let (second, _) = world.build(loser, |builder| builder.psk(external_psk(1))).unwrap();
            for index in 0..3 {
                match world.members[index].process(&first).unwrap() {
                    Processed::OwnCommit => world.members[index].merge_pending(),
                    Processed::Commit(staged) => {
                        let lost = world.members[index].merge(*staged);
                        // A member that has not committed gets no proposals back.
                        assert_eq!(lost.len(), usize::from(index == loser));
                    }
                    other => panic!("not a Commit: {other:?}"),
                }
            }
            world.agree();
            // No member can follow the Commit that has lost, not even its committer.
            for member in &mut world.members {
                assert!(member.process(&second).is_err());
            }
            world.agree();
            world.commit(loser, |builder| builder.psk(external_psk(1)));
            world.chat(winner);
        }
    }
}

#[test]
fn the_loser_gets_back_what_it_wanted_and_nothing_else() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        // Pending proposals that all members have are not returned to the loser.
        world.propose_update(2);
        let (first, _) = world.build(1, |builder| builder).unwrap();
        let (second, _) = world.build(0, |builder| builder.psk(external_psk(1))).unwrap();
        let Processed::Commit(staged) = world.members[0].process(&first).unwrap() else {
            panic!("not a Commit")
        };
        let lost = world.members[0].merge(*staged);
        assert!(
            matches!(&lost[..], [Proposal::PreSharedKey(psk)] if psk.psk.psk == external_psk(1)),
            "{lost:?}"
        );
        for index in [1, 2] {
            assert_eq!(world.members[index].follow(&first), index == 1);
        }
        world.agree();
        assert!(world.members[2].process(&second).is_err());
        world.commit(0, |builder| lost.into_iter().fold(builder, CommitBuilder::proposal));
        world.chat(0);
    }
}
