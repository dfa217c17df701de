//! Leaf 0, the creator of the group, is removed. The group continues, and the next joiner gets leaf
//! 0.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::LeafIndex;

#[test]
fn the_one_who_began_leaves_and_the_group_goes_on() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 5);
        let mut gone = fixture.remove(3, 0);
        assert!(!fixture.members.iter().any(|member| member.leaf() == LeafIndex(0)));
        let message = fixture.send(0, b"without you");
        assert!(gone.process(&message).is_err());
        fixture.add(2, 1);
        assert_eq!(fixture.leaf(4), LeafIndex(0));
        fixture.chat(4);
        fixture.commit(4, |builder| builder);
        fixture.chat(1);
    }
}
