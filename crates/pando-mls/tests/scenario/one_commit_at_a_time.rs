//! A member has at most one pending Commit. Clearing it returns its proposals.

use crate::proposals::remove;
use crate::world::{World, suites};
use pando_mls::{GroupError, Misuse};

#[test]
fn one_commit_at_a_time() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let (given_up, _) = world.build(0, |builder| builder.proposal(remove(2))).unwrap();
        let again = world.build(0, |builder| builder);
        assert_eq!(again.unwrap_err(), GroupError::Misuse(Misuse::CommitPending));
        assert_eq!(world.members[0].clear_pending(), [remove(2)]);
        assert_eq!(world.members[0].clear_pending(), []);
        assert!(!world.members[0].group.is_pending(&given_up));
        let merged = world.members[0].operate(|group, _| group.merge_pending());
        assert_eq!(merged.unwrap_err(), GroupError::Misuse(Misuse::StaleCommit));
        world.commit(0, |builder| builder);
        assert_eq!(world.members.len(), 3);
        world.chat(2);
    }
}
