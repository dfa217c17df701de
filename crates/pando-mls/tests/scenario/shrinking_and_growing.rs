//! A group shrinks to two members and grows again, by one and by several at a time, across the
//! powers of two at which the tree changes its size.

use crate::world::{World, fast_suites};

#[test]
fn a_group_shrinks_and_grows_across_powers_of_two() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 9);
        while world.members.len() > 2 {
            let last = world.members.len() - 1;
            let by = last / 2;
            let mut gone = world.remove(by, last);
            world.chat(by);
            let message = world.send(0, b"for fewer");
            assert!(gone.process(&message).is_err());
            let size = world.members.len().next_power_of_two();
            assert_eq!(world.tree().size().leaf_count() as usize, size);
        }
        for size in [3, 4, 5, 8, 9, 17] {
            let missing = size - world.members.len();
            world.add(1, missing);
            assert_eq!(world.tree().size().leaf_count() as usize, size.next_power_of_two());
            world.commit(size - 1, |builder| builder);
            world.chat(size - 1);
            world.commit(0, |builder| builder);
        }
    }
}

#[test]
fn leaves_in_the_middle_become_free_and_are_taken_again() {
    for suite in fast_suites() {
        let mut world = World::of(suite, 8);
        for leaf in [0, 3, 4, 6] {
            let last = world.members.len() - 1;
            world.remove(last, world.at(leaf));
        }
        // The last leaf is still occupied, so the tree keeps its size.
        assert_eq!(world.tree().size().leaf_count(), 8);
        world.commit(0, |builder| builder);
        world.add(1, 5);
        let leaves: Vec<_> = world.members[4..].iter().map(|member| member.leaf().0).collect();
        assert_eq!(leaves, [0, 3, 4, 6, 8]);
        world.commit(4, |builder| builder);
        world.chat(8);
    }
}
