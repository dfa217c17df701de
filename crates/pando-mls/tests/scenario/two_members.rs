//! Two members exchange messages, one commits, and one removes the other.

use crate::world::{World, suites};

#[test]
fn two_members_of_every_suite() {
    for suite in suites() {
        for (stays, goes) in [(1, 0), (0, 1)] {
            let mut world = World::of(suite, 2);
            world.chat(0);
            world.chat(1);
            world.commit(goes, |builder| builder);
            world.chat(stays);
            let mut gone = world.remove(stays, goes);
            assert_eq!(world.members.len(), 1);
            let message = world.send(0, b"to nobody");
            assert!(gone.process(&message).is_err());
        }
    }
}
