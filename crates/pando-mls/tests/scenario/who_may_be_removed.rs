//! A committer can remove several members by one Commit, but none of them twice, and cannot remove
//! itself.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::{CommitBuilder, GroupError, LeafIndex, Violation};

#[test]
fn members_are_removed_once_and_not_by_themselves() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let mut refused = |leaves: &[u32]| {
            let leaves = leaves.iter().map(|leaf| LeafIndex(*leaf));
            match fixture.build(0, |builder| leaves.fold(builder, CommitBuilder::remove)) {
                Err(GroupError::Violation(violation) | GroupError::Proposal { violation, .. }) => violation,
                other => panic!("not refused: {other:?}"),
            }
        };
        assert_eq!(refused(&[0]), Violation::OwnRemove);
        assert_eq!(refused(&[1, 1]), Violation::SameLeaf(LeafIndex(1)));
        for leaf in [3, 4, 1 << 31, u32::MAX] {
            assert_eq!(refused(&[leaf]), Violation::RemovedIsNoMember(LeafIndex(leaf)));
            assert_eq!(refused(&[1, leaf]), Violation::RemovedIsNoMember(LeafIndex(leaf)));
        }
        fixture.agree();
        fixture.commit(0, |builder| builder.remove(LeafIndex(1)));
    }
}

#[test]
fn several_are_removed_at_once() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 7);
        let (message, _) = fixture
            .build(3, |builder| [0, 1, 4, 6].map(LeafIndex).into_iter().fold(builder, CommitBuilder::remove))
            .unwrap();
        let gone = fixture.deliver_commit(3, &message);
        assert_eq!((gone.len(), fixture.members.len()), (4, 3));
        let secret = fixture.send(0, b"for those who stay");
        for mut gone in gone {
            assert!(gone.process(&secret).is_err());
        }
        let left: Vec<_> = fixture.tree().members().map(Result::unwrap).collect();
        assert_eq!(left, [2, 3, 5].map(LeafIndex));
        fixture.commit(2, |builder| builder);
        fixture.chat(0);
    }
}
