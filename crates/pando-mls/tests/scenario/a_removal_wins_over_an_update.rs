//! A member has proposed an Update, and another member proposes to remove it. Every committer
//! covers the Remove and leaves the Update out.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::remove;
use pando_mls::LeafIndex;

#[test]
fn a_removal_wins_over_an_update() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        fixture.propose_update(1);
        fixture.commit(0, |builder| builder.remove(LeafIndex(1)));
        assert_eq!(fixture.members.len(), 2);
        fixture.add(0, 1);
        // Both proposals come from other members, and the member has also proposed its own removal.
        fixture.propose_update(1);
        fixture.propose(2, remove(2));
        fixture.propose(1, remove(1));
        fixture.commit(0, |builder| builder);
        assert_eq!(fixture.members.len(), 1);
    }
}

#[test]
fn leaf_0_is_removed_although_it_has_an_update() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        fixture.propose_update(0);
        fixture.propose(2, remove(0));
        fixture.commit(1, |builder| builder);
        assert_eq!(fixture.members.len(), 2);
        assert!(!fixture.tree().is_member(LeafIndex(0)).unwrap());
        fixture.chat(0);
    }
}
