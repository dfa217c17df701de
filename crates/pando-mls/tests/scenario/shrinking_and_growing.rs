//! A group shrinks to two members and grows again, by one or several members at a time. The group's
//! size crosses the powers of two at which the tree is halved or doubled.

use crate::group_fixture::{GroupFixture, fast_suites};

#[test]
fn a_group_shrinks_and_grows_across_powers_of_two() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 9);
        while fixture.members.len() > 2 {
            let last = fixture.members.len() - 1;
            let by = last / 2;
            let mut gone = fixture.remove(by, last);
            fixture.chat(by);
            let message = fixture.send(0, b"for fewer");
            assert!(gone.process(&message).is_err());
            let size = fixture.members.len().next_power_of_two();
            assert_eq!(fixture.tree().size().leaf_count() as usize, size);
        }
        for size in [3, 4, 5, 8, 9, 17] {
            let missing = size - fixture.members.len();
            fixture.add(1, missing);
            assert_eq!(fixture.tree().size().leaf_count() as usize, size.next_power_of_two());
            fixture.commit(size - 1, |builder| builder);
            fixture.chat(size - 1);
            fixture.commit(0, |builder| builder);
        }
    }
}

#[test]
fn leaves_in_the_middle_become_free_and_are_taken_again() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 8);
        for leaf in [0, 3, 4, 6] {
            let last = fixture.members.len() - 1;
            fixture.remove(last, fixture.at(leaf));
        }
        // The last leaf is still occupied, so the tree keeps its size.
        assert_eq!(fixture.tree().size().leaf_count(), 8);
        fixture.commit(0, |builder| builder);
        fixture.add(1, 5);
        let leaves: Vec<_> = fixture.members[4..].iter().map(|member| member.leaf().0).collect();
        assert_eq!(leaves, [0, 3, 4, 6, 8]);
        fixture.commit(4, |builder| builder);
        fixture.chat(8);
    }
}
