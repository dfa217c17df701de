//! Leaf 0, the creator of the group, is removed. The group continues, and the next joiner gets leaf
//! 0.

use crate::world::{World, suites};
use pando_mls::LeafIndex;

#[test]
fn the_one_who_began_leaves_and_the_group_goes_on() {
    for suite in suites() {
        let mut world = World::of(suite, 5);
        let mut gone = world.remove(3, 0);
        assert!(!world.members.iter().any(|member| member.leaf() == LeafIndex(0)));
        let message = world.send(0, b"without you");
        assert!(gone.process(&message).is_err());
        world.add(2, 1);
        assert_eq!(world.leaf(4), LeafIndex(0));
        world.chat(4);
        world.commit(4, |builder| builder);
        world.chat(1);
    }
}
