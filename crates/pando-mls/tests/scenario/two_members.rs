//! Two members exchange messages, one of them commits, and one removes the other.

use crate::group_fixture::{GroupFixture, suites};

#[test]
fn two_members_of_every_suite() {
    for suite in suites() {
        for (stays, goes) in [(1, 0), (0, 1)] {
            let mut fixture = GroupFixture::of(suite, 2);
            fixture.chat(0);
            fixture.chat(1);
            fixture.commit(goes, |builder| builder);
            fixture.chat(stays);
            let mut gone = fixture.remove(stays, goes);
            assert_eq!(fixture.members.len(), 1);
            let message = fixture.send(0, b"to nobody");
            assert!(gone.process(&message).is_err());
        }
    }
}
