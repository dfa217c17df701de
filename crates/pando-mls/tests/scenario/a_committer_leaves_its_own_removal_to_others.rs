//! Somebody proposes to remove a member, who then makes a Commit. It cannot remove itself, so the proposal is left
//! out, and another member has to see to it.

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
