//! A Commit to a server is altered in transit, in a part that only members can verify. The altered
//! part is the confirmation tag, or the signature, which is replaced by another valid signature. A
//! GroupInfo exposes the change.

use crate::group_fixture::{fast_suites, suite};
use crate::tampering::{bad_signature, commit, with_another_signature, with_another_tag, world_and_server};
use pando_mls::{FramingError, GroupError, LeafIndex, Misuse, MlsMessage, Suite, Violation};

/// Checks that the GroupInfo exposes the altered Commit, and that the original can be merged
/// afterwards.
fn given_away(suite: Suite, alter: fn(&MlsMessage) -> MlsMessage, expected: &Violation) {
    let (mut fixture, mut server) = world_and_server(suite, 3);
    for by in [0, 1, 2] {
        let (message, group_info) = commit(&mut fixture, by, |builder| builder);
        let wrong = server.stage(&alter(&message));
        let refused = server.merge(&wrong, &group_info).unwrap_err();
        assert_eq!(refused, GroupError::Violation(expected.clone()));
        assert_eq!(server.group.rows().unwrap(), server.rows);
        let right = server.stage(&message);
        server.merge(&right, &group_info).unwrap();
        server.agrees_with(&fixture);
        assert_eq!(server.group.rows().unwrap(), server.rows);
        // Both Commits were staged in the previous epoch.
        for stale in [&wrong, &right] {
            assert_eq!(server.merge(stale, &group_info).unwrap_err(), Misuse::StaleCommit.into());
            assert_eq!(server.merge_unconfirmed(stale).unwrap_err(), Misuse::StaleCommit.into());
        }
    }
}

#[test]
fn another_confirmation_tag_is_noticed() {
    for suite in fast_suites() {
        given_away(suite, with_another_tag, &Violation::ConfirmationTag);
    }
}

#[test]
fn another_valid_signature_is_noticed() {
    given_away(suite(2), with_another_signature, &Violation::GroupInfoContext);
}

/// Shows that members detect both changes, because they have the necessary secrets.
#[test]
fn members_notice_either() {
    let (mut fixture, _) = world_and_server(suite(2), 3);
    let (message, _) = fixture.build(0, |builder| builder).unwrap();
    for alter in [with_another_tag, with_another_signature] {
        let refused = fixture.members[1].process(&alter(&message)).unwrap_err();
        assert_eq!(refused, GroupError::Framing(FramingError::WrongMembershipTag));
    }
    fixture.deliver_commit(0, &message);
}

/// Shows that, without a GroupInfo, the server accepts a Commit with an altered signature. The
/// server detects the change with the first message of the new epoch, because the signature of that
/// message covers a different GroupContext.
#[test]
fn without_a_group_info_another_signature_is_noticed_one_commit_later() {
    let (mut fixture, mut server) = world_and_server(suite(2), 3);
    let (message, _) = commit(&mut fixture, 0, |builder| builder);
    server.follow(&with_another_signature(&message));
    assert_ne!(server.group.public().context(), fixture.context());
    let proposal = fixture.members[2].propose_update(&mut fixture.rng).unwrap();
    assert_eq!(server.process(&proposal).unwrap_err(), bad_signature());
    let (next, _) = fixture.build(1, |builder| builder).unwrap();
    assert_eq!(server.process(&next).unwrap_err(), bad_signature());
}

/// Shows that an altered tag is detected two Commits later. The GroupContext of the new epoch is
/// still right, but that of the following epoch is wrong.
#[test]
fn without_a_group_info_another_tag_is_noticed_two_commits_later() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 3);
        let (message, _) = commit(&mut fixture, 0, |builder| builder);
        server.follow(&with_another_tag(&message));
        assert_eq!(server.group.public().context(), fixture.context());
        let proposal = fixture.members[2].propose_update(&mut fixture.rng).unwrap();
        server.follow(&proposal);
        fixture.deliver_proposal(2, &proposal);
        let (next, group_info) = commit(&mut fixture, 1, |builder| builder);
        // The GroupInfo for the next Commit exposes the earlier altered Commit.
        let staged = server.stage(&next);
        let refused = server.merge(&staged, &group_info).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::GroupInfoContext));
        server.merge_unconfirmed(&staged).unwrap();
        assert_ne!(server.group.public().context(), fixture.context());
        let proposal = fixture.members[2].propose_update(&mut fixture.rng).unwrap();
        assert_eq!(server.process(&proposal).unwrap_err(), bad_signature());
        let (last, _) = fixture.build(1, |builder| builder).unwrap();
        assert_eq!(server.process(&last).unwrap_err(), bad_signature());
    }
}

/// Shows that a committer that changes its signature key signs the GroupInfo with the new key,
/// because no leaf has the old key any more.
#[test]
fn the_group_info_is_signed_with_the_new_key() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 2);
        let new_signer = fixture.signer();
        let rng = &mut fixture.rng;
        let built = fixture.members[1].operate(|group, cx| {
            let template = crate::group_fixture::leaf_template();
            let new_leaf = pando_mls::NewLeaf { template, signer: &*new_signer };
            let output = group.commit().new_leaf(new_leaf).with_group_info().build(&cx, rng)?;
            Ok(output.map(|output| (output.message, output.group_info.unwrap())))
        });
        let (message, group_info) = built.unwrap();
        fixture.deliver_commit(1, &message);
        let mut by_old_key = group_info.clone();
        assert_eq!(by_old_key.signer, LeafIndex(1));
        let to_be_signed = by_old_key.to_be_signed().unwrap();
        by_old_key.signature =
            suite.sign_with_label(&*fixture.members[1].signer, "GroupInfoTBS", &to_be_signed).unwrap();
        let staged = server.stage(&message);
        let refused = server.merge(&staged, &by_old_key).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::GroupInfoSignature));
        server.merge(&staged, &group_info).unwrap();
        server.agrees_with(&fixture);
    }
}

/// Shows that a client that joins by an external Commit can issue a GroupInfo, because it is
/// already in the new epoch.
#[test]
fn a_joiner_gives_the_group_info_of_its_external_commit() {
    for suite in fast_suites() {
        let (mut fixture, mut server) = world_and_server(suite, 2);
        let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
        let (joiner, message) = fixture.external(newcomer, &group_info, None, None, vec![]).unwrap();
        let old = group_info;
        let group_info = joiner.group_info(false);
        fixture.deliver_commit(usize::MAX, &message);
        fixture.members.push(joiner);
        let wrong = server.stage(&with_another_tag(&message));
        let refused = server.merge(&wrong, &group_info).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::ConfirmationTag));
        let right = server.stage(&message);
        let refused = server.merge(&right, &old).unwrap_err();
        assert_eq!(refused, GroupError::Violation(Violation::GroupInfoContext));
        server.merge(&right, &group_info).unwrap();
        server.agrees_with(&fixture);
    }
}
