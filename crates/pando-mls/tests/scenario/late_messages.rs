//! Messages arrive late, after further Commits. Late messages can be read only as long as the
//! settings keep their epoch.

use crate::group_fixture::{GroupFixture, fast_suites, read, suite, suites};
use pando_mls::{GroupConfig, GroupError, Suite};

/// In each epoch, sends one message that will arrive in the same epoch, one that will arrive after
/// one Commit, and so on. Messages that arrive together come in reverse order.
fn interleaved(suite: Suite, past_epochs: usize, sender: usize) {
    let config = GroupConfig::default().with_past_epochs(past_epochs);
    let mut fixture = GroupFixture::with_config(suite, config);
    fixture.add(0, 2);
    let reader = 1;
    let mut under_way = Vec::new();
    for round in 0..past_epochs + 4 {
        let epoch = fixture.context().epoch;
        for distance in 0..=past_epochs + 1 {
            let data = format!("{epoch} {distance}").into_bytes();
            under_way.push((epoch, distance, fixture.send(sender, &data), data));
        }
        // The newest message arrives first.
        for (sent, distance, message, data) in under_way.iter().rev() {
            let late = usize::try_from(epoch - sent).unwrap();
            if late != *distance {
                continue;
            }
            let processed = fixture.members[reader].process(message);
            if late <= past_epochs {
                assert_eq!(read(processed), (fixture.leaf(sender), data.clone()));
                // Each message can be read only once.
                assert!(fixture.members[reader].process(message).is_err());
            } else {
                assert_eq!(
                    processed.unwrap_err(),
                    GroupError::EpochMismatch { message: *sent, group: fixture.context().epoch }
                );
            }
        }
        fixture.commit(round % 3, |builder| builder);
    }
}

#[test]
fn late_messages_are_read_for_as_many_epochs_as_are_kept() {
    for suite in fast_suites() {
        interleaved(suite, GroupConfig::default().past_epochs, 0);
    }
    for past_epochs in [0, 1, 2, 5] {
        interleaved(suite(1), past_epochs, 2);
    }
}

#[test]
fn late_messages_are_read_for_three_epochs() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let messages: Vec<_> = (0_u8..5)
            .map(|number| {
                let message = fixture.send(0, &[number]);
                fixture.commit(usize::from(number) % 3, |builder| builder);
                message
            })
            .collect();
        for (number, message) in (0_u8..).zip(&messages) {
            let processed = fixture.members[2].process(message);
            // The group reached three members in epoch 1, and is now in epoch 6.
            if number < 2 {
                let forgotten = GroupError::EpochMismatch { message: u64::from(number) + 1, group: 6 };
                assert_eq!(processed.unwrap_err(), forgotten);
            } else {
                assert_eq!(read(processed), (fixture.leaf(0), vec![number]));
            }
        }
    }
}

/// Shows that Commits and proposals of a past epoch are rejected in every later epoch.
#[test]
fn late_handshakes_change_nothing() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let update = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        let (lost, _) = fixture.build(2, |builder| builder).unwrap();
        fixture.members[2].clear_pending();
        fixture.commit(1, |builder| builder);
        let epoch = fixture.context().epoch;
        for message in [&update, &lost] {
            let refused = fixture.members[1].process(message).unwrap_err();
            let stale = GroupError::EpochMismatch { message: epoch - 1, group: epoch };
            assert_eq!(refused, stale);
            assert_eq!(fixture.members[1].pending_proposals(), []);
            // The late message has used up no key.
            assert!(fixture.members[1].group.take_delta().delta().is_empty());
        }
        fixture.agree();
        fixture.chat(1);
    }
}
