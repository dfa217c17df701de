//! An encrypted Commit arrives before a proposal or PSK that it needs, or is not merged
//! immediately. The key that decrypted the Commit is deleted, but the Commit can still be processed
//! when the missing parts have arrived.

use crate::group_fixture::{AllPsks, GroupFixture, Member, client, external_psk, fast_suites};
use pando_mls::wire::MlsMessageBody;
use pando_mls::{
    FramingError, Group, GroupConfig, GroupError, Limits, Missing, MlsMessage, NoPsks, Processed, RowKey,
    Rows, ScheduleError,
};

fn missing_proposal(member: &mut Member, commit: &MlsMessage) {
    let refused = member.process(commit).unwrap_err();
    assert!(matches!(refused, GroupError::Missing(Missing::Proposal(_))), "{refused:?}");
}

#[test]
fn the_proposal_comes_after_the_commit() {
    for suite in fast_suites() {
        for restart in [false, true] {
            let mut fixture = GroupFixture::of(suite, 4);
            let proposal = fixture.members[3].propose_update(&mut fixture.rng).unwrap();
            for index in [1, 2] {
                fixture.members[index].process(&proposal).unwrap();
            }
            // Leaf 0 has not received the proposal.
            let (commit, _) = fixture.build(1, |builder| builder).unwrap();
            missing_proposal(&mut fixture.members[0], &commit);
            missing_proposal(&mut fixture.members[0], &commit);
            if restart {
                fixture.members[0].restart();
                missing_proposal(&mut fixture.members[0], &commit);
            }
            fixture.members[0].process(&proposal).unwrap();
            fixture.deliver_commit(1, &commit);
            fixture.chat(0);
        }
    }
}

#[test]
fn the_pre_shared_key_comes_after_the_commit() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let (commit, _) = fixture.build(0, |builder| builder.psk(external_psk(7))).unwrap();
        let refused =
            fixture.members[2].operate(|group, cx| group.process(commit.clone(), &cx.with_psks(&NoPsks)));
        assert!(matches!(refused, Err(GroupError::Missing(Missing::Psk(_)))));
        fixture.members[2].check_store();
        let staged =
            fixture.members[2].operate(|group, cx| group.process(commit.clone(), &cx.with_psks(&AllPsks)));
        assert!(matches!(staged, Ok(Processed::Commit(_))));
        fixture.deliver_commit(0, &commit);
    }
}

#[test]
fn a_staged_epoch_is_dropped_and_the_commit_taken_again() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let (commit, _) = fixture.build(1, |builder| builder).unwrap();
        for _ in 0..3 {
            assert!(matches!(fixture.members[0].process(&commit), Ok(Processed::Commit(_))));
        }
        // Another operation happens in between. The changes of this operation are stored together
        // with the decrypted Commit.
        let message = fixture.send(2, b"hello");
        fixture.members[0].process(&message).unwrap();
        fixture.members[0].restart();
        fixture.deliver_commit(1, &commit);
        // No row of the decrypted Commit remains.
        let left = |key: &RowKey| matches!(key, RowKey::OpenedCommit(_));
        assert!(!fixture.members[0].rows.keys().any(left));
    }
}

#[test]
fn what_was_kept_is_only_for_the_same_message() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let (commit, _) = fixture.build(1, |builder| builder).unwrap();
        assert!(matches!(fixture.members[0].process(&commit), Ok(Processed::Commit(_))));
        let mut changed = commit.clone();
        let MlsMessageBody::PrivateMessage(private) = &mut changed.body else { panic!("not encrypted") };
        private.authenticated_data = b"else".as_slice().into();
        let refused = fixture.members[0].process(&changed).unwrap_err();
        let gone = FramingError::Schedule(ScheduleError::KeyGone(0));
        assert_eq!(refused, GroupError::Framing(gone));
        fixture.deliver_commit(1, &commit);
        // In the next epoch, the Commit is late, like any other Commit.
        assert!(fixture.members[0].process(&commit).is_err());
    }
}

#[test]
fn so_many_are_kept_and_no_more() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let commits: Vec<_> = (0..17)
            .map(|_| {
                let (commit, _) = fixture.build(1, |builder| builder).unwrap();
                fixture.members[1].clear_pending();
                commit
            })
            .collect();
        for commit in &commits {
            assert!(matches!(fixture.members[0].process(commit), Ok(Processed::Commit(_))));
        }
        let content = |processed: Processed| match processed {
            Processed::Commit(staged) => staged.public().context().epoch,
            other => panic!("not a Commit: {other:?}"),
        };
        assert_eq!(content(fixture.members[0].process(&commits[15]).unwrap()), 2);
        let gone = GroupError::Framing(FramingError::Schedule(ScheduleError::KeyGone(16)));
        assert_eq!(fixture.members[0].process(&commits[16]).unwrap_err(), gone);
    }
}

/// Shows that decrypted Commits are kept up to the limit, and that Commits from before a restart
/// also count.
#[test]
fn so_much_is_kept_and_no_more() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let commits = [0, 1].map(|_| {
            let (commit, _) = fixture.build(1, |builder| builder).unwrap();
            fixture.members[1].clear_pending();
            commit
        });
        let [member, _] = &mut fixture.members[..] else { panic!("not two") };
        let is_kept = |group: &mut Group, commit: &MlsMessage| {
            group.process(commit.clone(), &client(&*member.signer)).map(drop).is_ok()
        };
        let mut rows: Rows = member.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect();
        let mut size = |number| {
            assert!(is_kept(&mut member.group, &commits[number as usize]));
            member.group.take_delta().persist_to(&mut member.rows).unwrap();
            member.rows[&RowKey::OpenedCommit(number)].expose().len()
        };
        let sizes = [size(0), size(1)];
        let load = |rows: &Rows, opened_commit_bytes| {
            let limits = Limits::default().with_opened_commit_bytes(opened_commit_bytes);
            let config = GroupConfig::default().with_limits(limits);
            Group::load(rows, &client(&*member.signer).with_config(config)).unwrap()
        };
        // The first Commit is kept if its size is within the limit, and can then be opened again
        // after a restart.
        for (limit, kept) in [(sizes[0] - 1, false), (sizes[0], true)] {
            let mut group = load(&rows, limit);
            assert!(is_kept(&mut group, &commits[0]));
            assert_eq!(is_kept(&mut group, &commits[0]), kept);
            if kept {
                group.take_delta().persist_to(&mut rows).unwrap();
            }
        }
        // The second Commit is kept if the limit allows for both Commits.
        let both = sizes[0] + sizes[1];
        for (limit, kept) in [(both - 1, false), (both, true)] {
            let mut group = load(&rows, limit);
            assert!(is_kept(&mut group, &commits[1]));
            assert_eq!(is_kept(&mut group, &commits[1]), kept);
            assert!(is_kept(&mut group, &commits[0]));
        }
    }
}
