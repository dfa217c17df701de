//! Messages arrive late, after further Commits. They can be read for as many epochs as the settings
//! keep, and not in the one after.

use crate::world::{World, fast_suites, read, suite, suites};
use pando_mls::{GroupConfig, GroupError, Suite};

/// In each epoch, sends messages that arrive after one Commit, after two, and so on, in a different
/// order each.
fn interleaved(suite: Suite, past_epochs: usize, sender: usize) {
    let config = GroupConfig::default().with_past_epochs(past_epochs);
    let mut world = World::with_config(suite, config);
    world.add(0, 2);
    let reader = 1;
    let mut under_way = Vec::new();
    for round in 0..past_epochs + 4 {
        let epoch = world.context().epoch;
        for distance in 0..=past_epochs + 1 {
            let data = format!("{epoch} {distance}").into_bytes();
            under_way.push((epoch, distance, world.send(sender, &data), data));
        }
        // The newest arrives first.
        for (sent, distance, message, data) in under_way.iter().rev() {
            let late = usize::try_from(epoch - sent).unwrap();
            if late != *distance {
                continue;
            }
            let processed = world.members[reader].process(message);
            if late <= past_epochs {
                assert_eq!(read(processed), (world.leaf(sender), data.clone()));
                // Each can be read once.
                assert!(world.members[reader].process(message).is_err());
            } else {
                assert_eq!(
                    processed.unwrap_err(),
                    GroupError::EpochMismatch { message: *sent, group: world.context().epoch }
                );
            }
        }
        world.commit(round % 3, |builder| builder);
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
        let mut world = World::of(suite, 3);
        let messages: Vec<_> = (0_u8..5)
            .map(|number| {
                let message = world.send(0, &[number]);
                world.commit(usize::from(number) % 3, |builder| builder);
                message
            })
            .collect();
        for (number, message) in (0_u8..).zip(&messages) {
            let processed = world.members[2].process(message);
            // The group of three began with epoch 1, and is in epoch 6 now.
            if number < 2 {
                let forgotten = GroupError::EpochMismatch { message: u64::from(number) + 1, group: 6 };
                assert_eq!(processed.unwrap_err(), forgotten);
            } else {
                assert_eq!(read(processed), (world.leaf(0), vec![number]));
            }
        }
    }
}

/// Commits and proposals of a past epoch are rejected in every later one.
#[test]
fn late_handshakes_change_nothing() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let update = world.members[0].propose_update(&mut world.rng).unwrap();
        let (lost, _) = world.build(2, |builder| builder).unwrap();
        world.members[2].clear_pending();
        world.commit(1, |builder| builder);
        let epoch = world.context().epoch;
        for message in [&update, &lost] {
            let refused = world.members[1].process(message).unwrap_err();
            let stale = GroupError::EpochMismatch { message: epoch - 1, group: epoch };
            assert_eq!(refused, stale);
            assert_eq!(world.members[1].pending_proposals(), []);
            // No key is used up.
            assert!(world.members[1].group.take_delta().delta().is_empty());
        }
        world.agree();
        world.chat(1);
    }
}
