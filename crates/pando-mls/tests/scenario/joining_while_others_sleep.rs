//! A client joins by an external Commit while all members are offline, and is a member like any
//! other.

use crate::world::{World, suites};

#[test]
fn somebody_joins_while_all_others_are_asleep() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        // Messages from before the join cannot be read.
        let before = world.send(0, b"before");
        world.join_external(None, vec![]);
        assert!(world.members[3].process(&before).is_err());
        world.chat(3);
        world.commit(3, |builder| builder);
        world.chat(1);
        world.add(3, 1);
        world.chat(4);
        world.remove(3, 0);
        world.chat(2);
    }
}
