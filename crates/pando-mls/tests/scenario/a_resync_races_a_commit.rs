//! A client rejoins by an external Commit while a Commit of a member is pending, which removes the
//! client's old leaf or makes another change. In every case, the pending Commit loses.

use crate::group_fixture::{GroupFixture, Newcomer, suites};
use pando_mls::{CommitBuilder, GroupError, LeafIndex, Processed, Violation};

#[test]
fn a_pending_removal_comes_too_late_for_who_comes_back() {
    for suite in suites() {
        for leaf in [0, 2] {
            let mut fixture = GroupFixture::of(suite, 3);
            let lost = fixture.members.remove(fixture.at(leaf));
            let key = lost.signer.public_key().clone();
            fixture.build(0, |builder| builder.remove(LeafIndex(leaf))).unwrap();
            let (group_info, bundle) = (fixture.members[1].group_info(true), fixture.newcomer().bundle);
            let back = Newcomer { signer: lost.signer, bundle };
            let (back, message) =
                fixture.external(back, &group_info, None, Some(LeafIndex(leaf)), vec![]).unwrap();
            let mut wanted = Vec::new();
            for member in &mut fixture.members {
                let Processed::Commit(staged) = member.process(&message).unwrap() else {
                    panic!("not a Commit")
                };
                assert_eq!(staged.removed(), [LeafIndex(leaf)]);
                wanted.extend(member.merge(*staged));
            }
            fixture.members.push(back);
            fixture.agree();
            assert_eq!(wanted, [crate::proposals::remove(leaf)]);
            assert_eq!(fixture.tree().signature_key(LeafIndex(leaf)).unwrap(), Some(key));
            assert_eq!(fixture.tree().member_count(), 3);
            // If the Remove is proposed again unchecked, it removes the client that has just
            // rejoined. An application must check the leaf first.
            let (message, _) = fixture
                .build(0, |builder| wanted.into_iter().fold(builder, CommitBuilder::proposal))
                .unwrap();
            let gone = fixture.deliver_commit(0, &message).pop().unwrap();
            assert_eq!(gone.leaf(), LeafIndex(leaf));
        }
    }
}

#[test]
fn the_removal_is_first() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let lost = fixture.members.remove(2);
        let (group_info, bundle) = (fixture.members[1].group_info(true), fixture.newcomer().bundle);
        let back = Newcomer { signer: lost.signer, bundle };
        let (back, late) = fixture.external(back, &group_info, None, Some(LeafIndex(2)), vec![]).unwrap();
        fixture.commit(0, |builder| builder.remove(LeafIndex(2)));
        for member in &mut fixture.members {
            assert!(member.process(&late).is_err());
        }
        // There is no longer a leaf to replace, so the client joins like any other client.
        let back = Newcomer { signer: back.signer, bundle: fixture.newcomer().bundle };
        let group_info = fixture.members[0].group_info(true);
        let replaced = fixture.external(back, &group_info, None, Some(LeafIndex(2)), vec![]).map(|_| ());
        let violation = Violation::RemovedIsNoMember(LeafIndex(2));
        assert_eq!(replaced.unwrap_err(), GroupError::Proposal { index: 1, violation });
        fixture.join_external(None, vec![]);
        assert_eq!(fixture.leaf(2), LeafIndex(2));
        fixture.chat(2);
    }
}
