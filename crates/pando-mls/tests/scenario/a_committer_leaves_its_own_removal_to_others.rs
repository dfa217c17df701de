//! A member commits while a proposal to remove it is pending. Because a member cannot remove
//! itself, its Commit leaves the proposal out, and another member must commit the removal.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::remove;
use pando_mls::LeafIndex;

#[test]
fn a_committer_leaves_its_own_removal_to_others() {
    for suite in suites() {
        for leaf in [0, 1] {
            let mut fixture = GroupFixture::of(suite, 3);
            let (removed, other) = (fixture.at(leaf), 2);
            fixture.propose(other, remove(leaf));
            fixture.commit(removed, |builder| builder);
            assert_eq!(fixture.members.len(), 3);
            fixture.propose(other, remove(leaf));
            fixture.commit(other, |builder| builder);
            assert_eq!(fixture.members.len(), 2);
            assert!(!fixture.tree().is_member(LeafIndex(leaf)).unwrap());
            fixture.chat(0);
        }
    }
}
