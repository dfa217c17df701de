//! Members propose Updates, and another member commits all of them. The leaves of the proposers get
//! the new keys, and the proposers have the private keys.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::LeafIndex;

#[test]
fn updates_are_committed_by_others() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 4);
        // In the second case, leaf 0 is updated first and commits afterwards.
        for (proposers, committer) in [([1, 2, 0], 3), ([3, 1, 2], 0)] {
            let keys = |fixture: &GroupFixture| {
                let leaf = |leaf| fixture.tree().leaf(LeafIndex(leaf)).unwrap().unwrap().encryption_key;
                (0..4).map(leaf).collect::<Vec<_>>()
            };
            let before = keys(&fixture);
            for by in proposers {
                fixture.propose_update(by);
            }
            fixture.commit(committer, |builder| builder);
            for (before, after) in before.iter().zip(keys(&fixture)) {
                assert_ne!(*before, after);
            }
            // The updated members can decrypt further Commits, and can also commit themselves.
            fixture.commit(1, |builder| builder);
            fixture.commit(proposers[2], |builder| builder);
            fixture.chat(proposers[2]);
        }
    }
}
