//! A Commit with all kinds of proposals loses a race. Merging the winning Commit returns the lost
//! proposals in order, and the next Commit covers all of them. Proposals of other members must be
//! proposed again.

use crate::group_fixture::{GroupFixture, client, external_psk, suites};
use crate::proposals::{custom, extensions, set_extensions};
use pando_mls::{CommitBuilder, Group, GroupError, LeafIndex, Misuse, Processed, Proposal};

#[test]
fn the_proposals_of_a_lost_commit_are_tried_again() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 4);
        let newcomer = fixture.newcomer();
        let (lost, welcome) = fixture
            .build(0, |builder| {
                builder
                    .remove(LeafIndex(3))
                    .add(newcomer.key_package())
                    .extensions(extensions(&[0xf0f0]))
                    .proposal(custom(0xf001, b"again"))
                    .psk(external_psk(1))
            })
            .unwrap();
        // The Commit loses several times in a row.
        let mut wanted = Vec::new();
        for winner in [1, 2, 3] {
            let (won, _) = fixture.build(winner, |builder| builder).unwrap();
            for index in 0..4 {
                match fixture.members[index].process(&won).unwrap() {
                    Processed::OwnCommit => fixture.members[index].merge_pending(),
                    Processed::Commit(staged) => {
                        let given_back = fixture.members[index].merge(*staged);
                        assert_eq!(given_back.is_empty(), index != 0);
                        if index == 0 {
                            wanted = given_back;
                        }
                    }
                    other => panic!("not a Commit: {other:?}"),
                }
            }
            fixture.agree();
            let expected = |proposal: &Proposal| proposal.proposal_type();
            assert_eq!(
                wanted.iter().map(expected).map(|kind| kind.0).collect::<Vec<_>>(),
                [3, 1, 7, 0xf001, 4]
            );
            if winner < 3 {
                let again = wanted.clone();
                fixture.build(0, |builder| again.into_iter().fold(builder, CommitBuilder::proposal)).unwrap();
            }
        }
        assert!(fixture.members[1].process(&lost).is_err());
        let (_, second_welcome) =
            fixture.commit(0, |builder| wanted.into_iter().fold(builder, CommitBuilder::proposal));
        assert_eq!(fixture.members.len(), 3);
        assert_eq!(fixture.context().extensions, extensions(&[0xf0f0]));
        // The Welcome of the losing Commit leads to a group that does not exist, but the Welcome of
        // the last Commit leads to the real group.
        let lost = client(&*newcomer.signer);
        let astray =
            Group::join(&welcome.unwrap(), &newcomer.bundle, None, &lost).unwrap().assume_persisted();
        assert_ne!(astray.epoch_authenticator(), fixture.members[0].group.epoch_authenticator());
        fixture.enter(newcomer, &second_welcome.unwrap());
        fixture.chat(3);
    }
}

#[test]
fn proposals_do_not_outlive_their_epoch() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        fixture.propose(0, set_extensions(extensions(&[0xf0f0])));
        fixture.propose_update(0);
        // The committer leaves the pending proposals out.
        fixture.commit(1, |builder| builder.without_pending().authenticated_data(b"alone"));
        for member in &fixture.members {
            assert_eq!(member.pending_proposals(), []);
        }
        fixture.commit(2, |builder| builder);
        assert_eq!(fixture.context().extensions, extensions(&[]));
        fixture.propose(0, set_extensions(extensions(&[0xf0f0])));
        fixture.propose_update(0);
        fixture.commit(1, |builder| builder);
        assert_eq!(fixture.context().extensions, extensions(&[0xf0f0]));
        fixture.chat(0);
    }
}

/// Shows that an Update cannot be proposed again in a later epoch, because its private key was
/// deleted when its epoch ended.
#[test]
fn an_update_is_of_its_epoch() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let update = |fixture: &GroupFixture| fixture.members[1].pending_proposals().pop().unwrap();
        fixture.propose_update(1);
        let lost = update(&fixture);
        // In its own epoch, the Update can be sent again.
        fixture.propose(1, lost.clone());
        fixture.commit(0, |builder| builder.without_pending().psk(external_psk(1)));
        let (member, rng) = (&mut fixture.members[1], &mut fixture.rng);
        let refused = member.propose(lost, rng).unwrap_err();
        assert_eq!(refused, GroupError::Misuse(Misuse::UpdateWithoutKey));
        assert!(member.group.take_delta().delta().is_empty());
        fixture.propose_update(1);
        fixture.commit(0, |builder| builder);
        fixture.chat(1);
    }
}
