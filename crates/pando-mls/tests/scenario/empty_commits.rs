//! Members create Commits without proposals to renew their keys. The new keys lock out an attacker
//! that knows the old keys. All members commit one after another, in the order of their leaves.

use crate::group_fixture::{GroupFixture, fast_suites, suites};
use pando_mls::LeafIndex;

#[test]
fn everybody_commits_in_turn() {
    for suite in fast_suites() {
        // The tree of this group has blank leaves.
        let mut fixture = GroupFixture::of(suite, 11);
        for by in 0..11 {
            let before = fixture.tree().clone();
            let (message, welcome) = fixture.commit(by, |builder| builder);
            assert!(welcome.is_none());
            // Only the leaf of the committer has a new key.
            for leaf in (0..11).map(LeafIndex) {
                assert_eq!(fixture.tree().leaf(leaf) == before.leaf(leaf), leaf != fixture.leaf(by));
            }
            assert!(fixture.members[by].process(&message).is_err());
            fixture.chat((by + 5) % 11);
        }
    }
}

#[test]
fn a_commit_gives_new_secrets_to_all() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let mut authenticators = Vec::new();
        for by in [0, 1, 0] {
            authenticators
                .push(format!("{:?}", fixture.members[0].group.epoch_authenticator().unwrap().expose()));
            fixture.commit(by, |builder| builder);
        }
        authenticators
            .push(format!("{:?}", fixture.members[0].group.epoch_authenticator().unwrap().expose()));
        authenticators.sort();
        authenticators.dedup();
        assert_eq!(authenticators.len(), 4);
    }
}
