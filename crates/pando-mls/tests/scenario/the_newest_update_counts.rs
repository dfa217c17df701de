//! A member proposes two Updates in the same epoch. The newer one is committed, and the member has
//! its private key.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::{LeafIndex, Proposal};

#[test]
fn the_newest_update_counts() {
    for suite in suites() {
        for (proposer, committer) in [(1, 0), (0, 1)] {
            let mut fixture = GroupFixture::of(suite, 3);
            let key = |fixture: &GroupFixture| {
                fixture
                    .tree()
                    .leaf(LeafIndex(u32::try_from(proposer).unwrap()))
                    .unwrap()
                    .unwrap()
                    .encryption_key
            };
            let first = key(&fixture);
            fixture.propose_update(proposer);
            fixture.propose_update(proposer);
            let pending = fixture.members[committer].pending_proposals();
            let Proposal::Update(newest) = &pending[1] else { panic!("no Update") };
            fixture.commit(committer, |builder| builder);
            assert_eq!(key(&fixture), newest.leaf_node.encryption_key);
            assert_ne!(key(&fixture), first);
            // The other members now encrypt to the new key.
            fixture.commit(2, |builder| builder);
            fixture.commit(proposer, |builder| builder);
        }
    }
}
