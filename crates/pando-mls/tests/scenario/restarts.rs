//! Clients restart from their stored state at every step. Nothing is lost, no key is used twice,
//! and no used key is restored.

use crate::group_fixture::{GroupFixture, external_psk, fast_suites, read, suites};
use pando_mls::wire::MlsMessageBody;
use pando_mls::{FramingError, Group, GroupConfig, GroupError, Processed, RowKey, ScheduleError};

fn restart_all(fixture: &mut GroupFixture) {
    fixture.members.iter_mut().for_each(super::group_fixture::Member::restart);
    fixture.agree();
}

#[test]
fn a_group_lives_on_through_restarts_at_every_step() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 4);
        for step in 0..6 {
            restart_all(&mut fixture);
            let late = fixture.send(step % 4, b"late");
            restart_all(&mut fixture);
            fixture.propose_update((step + 1) % 4);
            restart_all(&mut fixture);
            let (commit, _) = fixture.build(step % 4, |builder| builder.psk(external_psk(1))).unwrap();
            restart_all(&mut fixture);
            fixture.deliver_commit(step % 4, &commit);
            restart_all(&mut fixture);
            for (index, member) in fixture.members.iter_mut().enumerate() {
                if index != step % 4 {
                    assert_eq!(read(member.process(&late)).1, b"late");
                }
            }
            fixture.chat(step % 4);
        }
    }
}

#[test]
fn a_message_cannot_be_read_again_after_a_restart() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let messages: Vec<_> = (0..3).map(|_| fixture.send(0, b"hello")).collect();
        read(fixture.members[1].process(&messages[2]));
        fixture.members[1].restart();
        let replayed = fixture.members[1].process(&messages[2]).unwrap_err();
        let gone = FramingError::Schedule(ScheduleError::KeyGone(2));
        assert_eq!(replayed, GroupError::Framing(gone));
        // The keys of skipped messages are still available, and each can be used once.
        read(fixture.members[1].process(&messages[0]));
        fixture.members[1].restart();
        assert!(fixture.members[1].process(&messages[0]).is_err());
        read(fixture.members[1].process(&messages[1]));
    }
}

#[test]
fn no_generation_is_sent_twice_after_restarts() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let mut ciphertexts = std::collections::BTreeSet::new();
        for _ in 0..10 {
            let message = fixture.send(0, b"hello");
            let MlsMessageBody::PrivateMessage(private) = &message.body else { panic!("not encrypted") };
            assert!(ciphertexts.insert(private.ciphertext.clone()));
            // If the generation had been used before, the receiver would no longer have its key.
            read(fixture.members[1].process(&message));
            fixture.members[0].restart();
        }
    }
}

/// Shows that the settings at the end of an epoch determine how many past epochs and PSKs are kept.
/// The settings at the time of our Commit do not matter.
#[test]
fn a_commit_is_pending_while_the_settings_change() {
    let few = GroupConfig::default().with_past_epochs(0).with_past_resumption_psks(0);
    for suite in fast_suites() {
        for (made, merged) in [(few, GroupConfig::default()), (GroupConfig::default(), few)] {
            let mut fixture = GroupFixture::of(suite, 3);
            let late = fixture.send(1, b"late");
            let load = |fixture: &mut GroupFixture, config| {
                let cx = crate::group_fixture::client(&*fixture.members[0].signer).with_config(config);
                fixture.members[0].group = Group::load(&fixture.members[0].rows, &cx).unwrap();
            };
            load(&mut fixture, made);
            let (commit, _) = fixture.build(0, |builder| builder).unwrap();
            load(&mut fixture, merged);
            fixture.deliver_commit(0, &commit);
            assert_eq!(fixture.members[0].group.rows().unwrap(), fixture.members[0].rows);
            load(&mut fixture, merged);
            let read = fixture.members[0].process(&late);
            assert_eq!(read.is_ok(), merged.past_epochs > 0, "{read:?}");
            let psk = fixture.members[0].group.resumption_psk(fixture.context().epoch - 1);
            assert_eq!(psk.is_some(), merged.past_resumption_psks > 0);
        }
    }
}

/// Shows that loading a group with settings that keep fewer past epochs and PSKs deletes the excess
/// data. The next Delta stores this deletion.
#[test]
fn the_past_is_forgotten_at_once() {
    for suite in fast_suites() {
        for kept in [0, 1, 2] {
            let mut fixture = GroupFixture::of(suite, 3);
            let late = [0, 1, 2, 3].map(|_| {
                let late = fixture.send(1, b"late");
                fixture.commit(0, |builder| builder);
                late
            });
            let epoch = fixture.context().epoch;
            let member = &mut fixture.members[2];
            let config = GroupConfig::default().with_past_epochs(kept).with_past_resumption_psks(kept);
            let cx = crate::group_fixture::client(&*member.signer).with_config(config);
            member.group = Group::load(&member.rows, &cx).unwrap();
            let stored = &member.rows;
            let oldest = epoch - kept as u64;
            assert!(!member.group.take_delta().delta().is_empty());
            member.group = Group::load(stored, &cx).unwrap();
            member
                .operate(|group, cx| group.encrypt(b"", &cx.with_config(config), &mut fixture.rng))
                .unwrap();
            assert_eq!(member.group.rows().unwrap(), member.rows);
            let oldest_row = member.rows.keys().find_map(|key| match key {
                RowKey::Epoch(epoch, _) => Some(*epoch),
                _ => None,
            });
            assert_eq!(oldest_row, Some(oldest));
            let psks = member.rows.keys().filter(|key| matches!(key, RowKey::ResumptionPsk(_)));
            assert_eq!(psks.count(), kept);
            let read = late.iter().filter(|late| member.process(late).is_ok());
            assert_eq!(read.count(), kept);
        }
    }
}

#[test]
fn a_commit_that_was_taken_and_not_merged_can_be_taken_again() {
    for suite in fast_suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let (commit, _) = fixture.build(0, |builder| builder).unwrap();
        let taken = fixture.members[1].process(&commit).unwrap();
        assert!(matches!(taken, Processed::Commit(_)));
        // The client stops before it has merged the Commit.
        let stored = &fixture.members[1].rows;
        let cx = crate::group_fixture::client(&*fixture.members[1].signer);
        fixture.members[1].group = Group::load(stored, &cx).unwrap();
        fixture.deliver_commit(0, &commit);
    }
}
