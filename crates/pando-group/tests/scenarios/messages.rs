//! Messages of the application: late, twice, out of order.

use crate::world::{AllPsks, POLICY, World};
use pando_framing::FramingError;
use pando_group::{GroupError, Missing, Misuse, Processed};
use pando_schedule::ScheduleError;
use pando_wire::MlsMessage;

fn data(processed: Processed) -> Vec<u8> {
    match processed {
        Processed::Application { data, .. } => data.into_vec(),
        other => panic!("not a message: {other:?}"),
    }
}

#[test]
fn late_messages_are_read_for_three_epochs() {
    let mut world = World::of(World::first(), 3);
    let messages: Vec<_> = (0_u8..5)
        .map(|number| {
            let message = world.send(1, &[number]);
            world.commit(usize::from(number) % 3, |builder| builder);
            message
        })
        .collect();
    for (number, message) in (0_u8..).zip(&messages) {
        let processed = world.process(2, message);
        // The group of three began with epoch 1, and is in epoch 6 now.
        if number < 2 {
            assert_eq!(processed.unwrap_err(), GroupError::Missing(Missing::Epoch(u64::from(number) + 1)));
        } else {
            assert_eq!(data(processed.unwrap()), [number]);
        }
    }
}

#[test]
fn a_replay_is_refused_and_does_no_harm() {
    let mut world = World::of(World::first(), 2);
    let (first, second) = (world.send(0, b"1"), world.send(0, b"2"));
    assert_eq!(data(world.process(1, &first).unwrap()), b"1");
    let replayed = world.process(1, &first).unwrap_err();
    assert_eq!(replayed, GroupError::Framing(FramingError::Schedule(ScheduleError::KeyGone(0))));
    assert_eq!(data(world.process(1, &second).unwrap()), b"2");
}

#[test]
fn the_former_owner_of_a_leaf_is_still_known_by_its_late_message() {
    let mut world = World::of(World::first(), 3);
    let (late, old_leaf) = (world.send(2, b"late"), world.leaf(2));
    let late_credential = world.clients[0].group.public().credential(old_leaf);
    world.remove(0, 2);
    world.add(0, 1);
    // The newcomer has the leaf now, with another key.
    assert_eq!(world.leaf(2), old_leaf);
    assert_eq!(data(world.process(0, &late).unwrap()), b"late");
    assert!(late_credential.is_some());
    // The newcomer itself knows nothing of that epoch.
    assert!(world.process(2, &late).is_err());
}

#[test]
fn messages_that_were_changed_leave_the_group_as_it_was() {
    let mut world = World::of(World::first(), 2);
    let message = pando_wire::Encode::encode(&world.send(0, b"hello")).unwrap();
    for position in 0..message.len() {
        let mut changed = message.clone();
        changed[position] ^= 1;
        if let Ok(changed) = <MlsMessage as pando_wire::Decode>::decode(&changed) {
            assert!(world.clients[1].group.process(changed, &AllPsks, POLICY, None).is_err());
        }
    }
    let message = <MlsMessage as pando_wire::Decode>::decode(&message).unwrap();
    assert_eq!(data(world.process(1, &message).unwrap()), b"hello");
}

#[test]
fn nothing_is_sent_while_there_are_proposals() {
    let mut world = World::of(World::first(), 3);
    world.propose_update(1);
    for index in [0, 1] {
        let client = &mut world.clients[index];
        let sent = client.group.encrypt(b"x", b"", &*client.signer, &mut world.rng);
        assert_eq!(sent.unwrap_err(), GroupError::Misuse(Misuse::ProposalsPending));
    }
    world.commit(2, |builder| builder);
    world.chat(1);
}
