//! A member commits while a proposal to remove it is pending. It cannot remove itself, so its
//! Commit leaves the proposal out and another member has to commit the removal.

use crate::proposals::remove;
use crate::world::{World, suites};
use pando_mls::LeafIndex;

#[test]
fn a_committer_leaves_its_own_removal_to_others() {
    for suite in suites() {
        for leaf in [0, 1] {
            let mut world = World::of(suite, 3);
            let (removed, other) = (world.at(leaf), 2);
            world.propose(other, remove(leaf));
            world.commit(removed, |builder| builder);
            assert_eq!(world.members.len(), 3);
            world.propose(other, remove(leaf));
            world.commit(other, |builder| builder);
            assert_eq!(world.members.len(), 2);
            assert!(!world.tree().is_member(LeafIndex(leaf)).unwrap());
            world.chat(0);
        }
    }
}
