//! A member has proposed an Update, and another member proposes to remove it. Every committer
//! covers the Remove and leaves the Update out.

use crate::proposals::remove;
use crate::world::{World, suites};
use pando_mls::LeafIndex;

#[test]
fn a_removal_wins_over_an_update() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        world.propose_update(1);
        world.commit(0, |builder| builder.remove(LeafIndex(1)));
        assert_eq!(world.members.len(), 2);
        world.add(0, 1);
        // Both proposals come from others, and the removed member has proposed its own removal,
        // too.
        world.propose_update(1);
        world.propose(2, remove(2));
        world.propose(1, remove(1));
        world.commit(0, |builder| builder);
        assert_eq!(world.members.len(), 1);
    }
}

#[test]
fn leaf_0_is_removed_although_it_has_an_update() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        world.propose_update(0);
        world.propose(2, remove(0));
        world.commit(1, |builder| builder);
        assert_eq!(world.members.len(), 2);
        assert!(!world.tree().is_member(LeafIndex(0)).unwrap());
        world.chat(0);
    }
}
