//! A member has at most one pending Commit. Clearing the pending Commit returns its proposals.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::remove;
use pando_mls::{GroupError, Misuse};

#[test]
fn one_commit_at_a_time() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let (given_up, _) = fixture.build(0, |builder| builder.proposal(remove(2))).unwrap();
        let again = fixture.build(0, |builder| builder);
        assert_eq!(again.unwrap_err(), GroupError::Misuse(Misuse::CommitPending));
        assert_eq!(fixture.members[0].clear_pending(), [remove(2)]);
        assert_eq!(fixture.members[0].clear_pending(), []);
        assert!(!fixture.members[0].group.is_pending(&given_up));
        let merged = fixture.members[0].operate(|group, _| group.merge_pending());
        let refused = merged.unwrap_err();
        assert_eq!(refused, GroupError::Misuse(Misuse::NoPendingCommit));
        assert_eq!(
            refused.to_string(),
            "no Commit of ours is pending: none was made, or it was already merged or dropped"
        );
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.members.len(), 3);
        fixture.chat(2);
    }
}
