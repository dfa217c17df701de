//! Two members create a Commit in the same epoch. One Commit wins. The other member receives its
//! proposals back and commits them again.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use pando_mls::{CommitBuilder, Processed, Proposal};

#[test]
fn two_racing_committers() {
    for suite in suites() {
        // Leaf 0 loses to leaf 1 first, and wins the next race.
        let mut fixture = GroupFixture::of(suite, 3);
        for (winner, loser) in [(1, 0), (0, 1)] {
            let (first, _) = fixture.build(winner, |builder| builder).unwrap();
            let (second, _) = fixture.build(loser, |builder| builder.psk(external_psk(1))).unwrap();
            for index in 0..3 {
                match fixture.members[index].process(&first).unwrap() {
                    Processed::OwnCommit => fixture.members[index].merge_pending(),
                    Processed::Commit(staged) => {
                        let lost = fixture.members[index].merge(*staged);
                        // A member that has not committed receives no proposals back.
                        assert_eq!(lost.len(), usize::from(index == loser));
                    }
                    other => panic!("not a Commit: {other:?}"),
                }
            }
            fixture.agree();
            // No member can follow the Commit that has lost, not even its committer.
            for member in &mut fixture.members {
                assert!(member.process(&second).is_err());
            }
            fixture.agree();
            fixture.commit(loser, |builder| builder.psk(external_psk(1)));
            fixture.chat(winner);
        }
    }
}

#[test]
fn the_loser_gets_back_what_it_wanted_and_nothing_else() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        // Pending proposals that all members have are not returned to the loser.
        fixture.propose_update(2);
        let (first, _) = fixture.build(1, |builder| builder).unwrap();
        let (second, _) = fixture.build(0, |builder| builder.psk(external_psk(1))).unwrap();
        let Processed::Commit(staged) = fixture.members[0].process(&first).unwrap() else {
            panic!("not a Commit")
        };
        let lost = fixture.members[0].merge(*staged);
        assert!(
            matches!(&lost[..], [Proposal::PreSharedKey(psk)] if psk.psk.psk == external_psk(1)),
            "{lost:?}"
        );
        for index in [1, 2] {
            assert_eq!(fixture.members[index].follow(&first), index == 1);
        }
        fixture.agree();
        assert!(fixture.members[2].process(&second).is_err());
        fixture.commit(0, |builder| lost.into_iter().fold(builder, CommitBuilder::proposal));
        fixture.chat(0);
    }
}
