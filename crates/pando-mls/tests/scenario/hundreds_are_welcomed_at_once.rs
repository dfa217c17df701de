//! A group of hundreds is created with one Welcome. Any of its members can commit, and all others
//! follow.

use crate::world::{World, suite};

#[test]
fn hundreds_are_welcomed_at_once() {
    for suite in [suite(1), suite(3)] {
        let mut world = World::of(suite, 300);
        assert_eq!(world.tree().member_count(), 300);
        world.chat(299);
        world.commit(77, |builder| builder);
        world.chat(0);
        let mut gone = world.remove(0, 150);
        let message = world.send(298, b"not for 150");
        assert!(gone.process(&message).is_err());
    }
}
