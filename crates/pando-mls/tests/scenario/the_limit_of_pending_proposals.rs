//! A member keeps only so many proposals in an epoch: one more is refused, the same one again is not, and a Commit
//! makes room.

use crate::world::{World, fast_suites};
use pando_mls::{Exceeded, GroupError, Processed};

#[test]
fn the_limit_of_pending_proposals() {
    for suite in fast_suites() {
        let mut world = World::public(suite);
        world.config.limits.pending_proposals = 2;
        world.add(0, 1);
        // The first member has the usual limit, and can make more than the second wants to keep.
        let updates: Vec<_> =
            (0..3).map(|_| world.members[0].propose_update(&mut world.rng).unwrap()).collect();
        let kept = |world: &World| world.members[1].pending_proposals().len();
        for (update, expected) in [(0, 1), (0, 1), (1, 2), (1, 2)] {
            assert!(matches!(world.members[1].process(&updates[update]).unwrap(), Processed::Proposal(_)));
            assert_eq!(kept(&world), expected);
        }
        let refused = world.members[1].process(&updates[2]).unwrap_err();
        assert_eq!(refused, GroupError::Exceeded(Exceeded::PendingProposals(2)));
        let own = world.members[1].propose_update(&mut world.rng);
        assert_eq!(own.unwrap_err(), GroupError::Exceeded(Exceeded::PendingProposals(2)));
        // The newest that it has is committed, and there is room again.
        world.commit(1, |builder| builder);
        assert_eq!(kept(&world), 0);
        world.propose_update(0);
        assert_eq!(kept(&world), 1);
    }
}
