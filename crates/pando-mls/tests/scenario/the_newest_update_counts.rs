//! A member proposes two Updates in one epoch. The newer one is committed, and the member has its
//! private key.

use crate::world::{World, suites};
use pando_mls::{LeafIndex, Proposal};

#[test]
fn the_newest_update_counts() {
    for suite in suites() {
        for (proposer, committer) in [(1, 0), (0, 1)] {
            let mut world = World::of(suite, 3);
            let key = |world: &World| {
                world
                    .tree()
                    .leaf(LeafIndex(u32::try_from(proposer).unwrap()))
                    .unwrap()
                    .unwrap()
                    .encryption_key
            };
            let first = key(&world);
            world.propose_update(proposer);
            world.propose_update(proposer);
            let pending = world.members[committer].pending_proposals();
            let Proposal::Update(newest) = &pending[1] else { panic!("no Update") };
            world.commit(committer, |builder| builder);
            assert_eq!(key(&world), newest.leaf_node.encryption_key);
            assert_ne!(key(&world), first);
            // The others now encrypt to the new key.
            world.commit(2, |builder| builder);
            world.commit(proposer, |builder| builder);
        }
    }
}
