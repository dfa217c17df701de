//! A group of hundreds of members is created with a single Welcome. Any of its members can commit,
//! and all others follow.

use crate::group_fixture::{GroupFixture, suite};

#[test]
fn hundreds_are_welcomed_at_once() {
    for suite in [suite(1), suite(3)] {
        let mut fixture = GroupFixture::of(suite, 300);
        assert_eq!(fixture.tree().member_count(), 300);
        fixture.chat(299);
        fixture.commit(77, |builder| builder);
        fixture.chat(0);
        let mut gone = fixture.remove(0, 150);
        let message = fixture.send(298, b"not for 150");
        assert!(gone.process(&message).is_err());
    }
}
