//! A Commit arrives that removes a member while the member's own Commit is pending. The member
//! receives its proposals back and is no longer in the group. No client can follow the member's own
//! Commit.

use crate::group_fixture::{GroupFixture, external_psk, suites};
use crate::proposals::remove;
use pando_mls::{GroupError, LeafIndex, Misuse, Processed, Proposal, Suite};

fn removed(suite: Suite, leaf: u32, public: bool) {
    let mut fixture = if public { GroupFixture::public(suite) } else { GroupFixture::new(suite) };
    fixture.add(0, 2);
    let committer = fixture.at(leaf);
    let remover = (committer + 1) % 3;
    let (pending, _) = fixture.build(committer, |builder| builder.psk(external_psk(1))).unwrap();
    let (removal, _) = fixture.build(remover, |builder| builder.remove(LeafIndex(leaf))).unwrap();

    let mut gone = fixture.members.remove(committer);
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
    // There is no Commit left to merge, and no operation can start.
    let merged = gone.operate(|group, _| group.merge_pending());
    assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::NoPendingCommit));
    assert_eq!(gone.clear_pending(), []);
    assert!(!gone.group.is_pending(&pending));
    assert!(gone.process(&pending).is_err());
    assert_eq!(format!("{:?}", gone.group.epoch_authenticator()), authenticator);
    let built = gone.build(|builder| builder, &mut fixture.rng).map(|_| ());
    assert_eq!(built.unwrap_err(), GroupError::Misuse(Misuse::Ended));

    let remover = fixture.members.iter().position(|member| member.group.is_pending(&removal)).unwrap();
    fixture.deliver_commit(remover, &removal);
    for member in &mut fixture.members {
        assert!(member.process(&pending).is_err());
    }
    fixture.commit(0, |builder| builder);
    fixture.chat(1);
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
            let mut fixture = GroupFixture::of(suite, 3);
            let [leaf_of_winner, leaf_of_loser] = [winner, loser].map(|index| fixture.leaf(index));
            let (first, _) = fixture.build(winner, |builder| builder.remove(leaf_of_loser)).unwrap();
            let (second, _) = fixture.build(loser, |builder| builder.remove(leaf_of_winner)).unwrap();
            let gone = fixture.deliver_commit(winner, &first);
            assert_eq!(gone.len(), 1);
            for member in &mut fixture.members {
                assert!(member.process(&second).is_err());
            }
            assert!(
                fixture.tree().is_member(leaf_of_winner).unwrap()
                    && !fixture.tree().is_member(leaf_of_loser).unwrap()
            );
            fixture.chat(0);
        }
    }
}

#[test]
fn a_removal_that_is_proposed_and_not_committed_is_nothing() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        fixture.propose(1, remove(0));
        let (pending, _) = fixture.build(0, |builder| builder).unwrap();
        fixture.deliver_commit(0, &pending);
        assert_eq!(fixture.members.len(), 3);
        fixture.chat(0);
    }
}
