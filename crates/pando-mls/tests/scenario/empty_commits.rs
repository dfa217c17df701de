//! Members make Commits without proposals to renew their keys, which locks out an attacker that
//! knew the old ones. Every member commits in turn, all around the tree.

use crate::world::{World, fast_suites, suites};
use pando_mls::LeafIndex;

#[test]
fn everybody_commits_in_turn() {
    for suite in fast_suites() {
        // The tree is not full.
        let mut world = World::of(suite, 11);
        for by in 0..11 {
            let before = world.tree().clone();
            let (message, welcome) = world.commit(by, |builder| builder);
            assert!(welcome.is_none());
            // Only the committer's leaf has a new key.
            for leaf in (0..11).map(LeafIndex) {
                assert_eq!(world.tree().leaf(leaf) == before.leaf(leaf), leaf != world.leaf(by));
            }
            assert!(world.members[by].process(&message).is_err());
            world.chat((by + 5) % 11);
        }
    }
}

#[test]
fn a_commit_gives_new_secrets_to_all() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let mut authenticators = Vec::new();
        for by in [0, 1, 0] {
            authenticators
                .push(format!("{:?}", world.members[0].group.epoch_authenticator().unwrap().expose()));
            world.commit(by, |builder| builder);
        }
        authenticators.push(format!("{:?}", world.members[0].group.epoch_authenticator().unwrap().expose()));
        authenticators.sort();
        authenticators.dedup();
        assert_eq!(authenticators.len(), 4);
    }
}
