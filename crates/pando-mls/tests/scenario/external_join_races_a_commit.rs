//! A client tries to join by an external Commit while a member commits. One of the two Commits
//! wins, and the author of the other one tries again.

use crate::group_fixture::{GroupFixture, external_psk, read, suites};
use pando_mls::{CommitBuilder, LeafIndex, Processed, Proposal};

#[test]
fn the_commit_is_first() {
    for suite in suites() {
        for committer in [0, 1] {
            let mut fixture = GroupFixture::of(suite, 2);
            let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
            let (mut joining, late) = fixture.external(newcomer, &group_info, None, None, vec![]).unwrap();
            let (commit, _) = fixture.commit(committer, |builder| builder);
            for member in &mut fixture.members {
                assert!(member.process(&late).is_err());
            }
            // The joiner learns that it has lost: its own group never came into existence.
            assert!(joining.process(&commit).is_err());
            let message = fixture.send(0, b"not for you yet");
            assert!(joining.process(&message).is_err());
            let again =
                crate::group_fixture::Newcomer { signer: joining.signer, bundle: fixture.newcomer().bundle };
            let group_info = fixture.members[0].group_info(true);
            let (member, message) = fixture.external(again, &group_info, None, None, vec![]).unwrap();
            fixture.deliver_commit(usize::MAX, &message);
            fixture.members.push(member);
            fixture.agree();
            fixture.chat(2);
        }
    }
}

#[test]
fn the_one_from_outside_is_first() {
    for suite in suites() {
        for committer in [0, 1] {
            let mut fixture = GroupFixture::of(suite, 2);
            let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
            let (commit, _) = fixture.build(committer, |builder| builder.psk(external_psk(1))).unwrap();
            let (member, message) = fixture.external(newcomer, &group_info, None, None, vec![]).unwrap();
            let mut wanted = Vec::new();
            for other in &mut fixture.members {
                let Processed::Commit(staged) = other.process(&message).unwrap() else {
                    panic!("not a Commit")
                };
                wanted.extend(other.merge(*staged));
            }
            fixture.members.push(member);
            fixture.agree();
            assert!(matches!(&wanted[..], [Proposal::PreSharedKey(_)]));
            for other in &mut fixture.members {
                assert!(other.process(&commit).is_err());
            }
            fixture.commit(committer, |builder| wanted.into_iter().fold(builder, CommitBuilder::proposal));
            fixture.chat(2);
        }
    }
}

#[test]
fn two_come_from_outside_at_once() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let group_info = fixture.members[0].group_info(true);
        let [(first, won), (second, lost)] = [0, 1].map(|_| {
            let newcomer = fixture.newcomer();
            fixture.external(newcomer, &group_info, None, None, vec![]).unwrap()
        });
        // Both joiners assume that they get the same leaf.
        assert_eq!((first.leaf(), second.leaf()), (LeafIndex(2), LeafIndex(2)));
        fixture.deliver_commit(usize::MAX, &won);
        fixture.members.push(first);
        fixture.agree();
        for member in &mut fixture.members {
            assert!(member.process(&lost).is_err());
        }
        fixture.join_external(None, vec![]);
        fixture.chat(3);
        let mut second = second;
        let message = fixture.send(2, b"from the same leaf");
        assert!(second.process(&message).is_err());
        assert_eq!(read(fixture.members[0].process(&message)).0, LeafIndex(2));
    }
}
