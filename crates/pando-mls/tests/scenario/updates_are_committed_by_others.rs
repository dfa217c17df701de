//! Members propose Updates, and another member commits them all. Their leaves have new keys, and
//! they have the private keys.

use crate::world::{World, suites};
use pando_mls::LeafIndex;

#[test]
fn updates_are_committed_by_others() {
    for suite in suites() {
        let mut world = World::of(suite, 4);
        // Leaf 0 is updated first, and commits afterwards.
        for (proposers, committer) in [([1, 2, 0], 3), ([3, 1, 2], 0)] {
            let keys = |world: &World| {
                let leaf = |leaf| world.tree().leaf(LeafIndex(leaf)).unwrap().unwrap().encryption_key;
                (0..4).map(leaf).collect::<Vec<_>>()
            };
            let before = keys(&world);
            for by in proposers {
                world.propose_update(by);
            }
            world.commit(committer, |builder| builder);
            for (before, after) in before.iter().zip(keys(&world)) {
                assert_ne!(*before, after);
            }
            // The updated members can decrypt further Commits, and can commit themselves.
            world.commit(1, |builder| builder);
            world.commit(proposers[2], |builder| builder);
            world.chat(proposers[2]);
        }
    }
}
