//! A client joins by an external Commit while all members are offline. Afterwards it is a member
//! like any other.

use crate::group_fixture::{GroupFixture, suites};

#[test]
fn somebody_joins_while_all_others_are_asleep() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        // The new member cannot read messages from before the join.
        let before = fixture.send(0, b"before");
        fixture.join_external(None, vec![]);
        assert!(fixture.members[3].process(&before).is_err());
        fixture.chat(3);
        fixture.commit(3, |builder| builder);
        fixture.chat(1);
        fixture.add(3, 1);
        fixture.chat(4);
        fixture.remove(3, 0);
        fixture.chat(2);
    }
}
