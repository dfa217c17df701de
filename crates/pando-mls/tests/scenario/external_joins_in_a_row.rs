//! A group grows from a single member by external joins alone, one after the other.

use crate::world::{World, fast_suites};
use pando_mls::LeafIndex;

#[test]
fn external_joins_follow_one_another() {
    for suite in fast_suites() {
        let mut world = World::new(suite);
        for joined in 1..7 {
            world.join_external(None, vec![]);
            assert_eq!(world.leaf(joined), LeafIndex(u32::try_from(joined).unwrap()));
        }
        world.chat(5);
        world.commit(2, |builder| builder);
        world.join_external(None, vec![]);
        world.chat(0);
        world.commit(7, |builder| builder);
    }
}
