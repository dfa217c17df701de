//! The messages of one sender arrive out of order. All messages within the limits can be read. A
//! message that is too far ahead is rejected but can be read later. A message that is too far
//! behind is lost.

use crate::group_fixture::{GroupFixture, read, suite, suites};
use pando_mls::{FramingError, GroupConfig, GroupError, MlsMessage, RatchetLimits, ScheduleError};

fn refused(error: ScheduleError) -> GroupError {
    GroupError::Framing(FramingError::Schedule(error))
}

#[test]
fn messages_are_read_in_any_order() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        for order in [[4, 2, 0, 1, 3], [3, 4, 1, 0, 2], [0, 4, 3, 2, 1]] {
            let messages = [0, 1, 2, 3, 4].map(|number: u8| fixture.send(0, &[number]));
            for number in order {
                for reader in [1, 2] {
                    let processed = fixture.members[reader].process(&messages[number]);
                    assert_eq!(read(processed), (fixture.leaf(0), vec![u8::try_from(number).unwrap()]));
                }
            }
            // No message can be read twice.
            for message in &messages {
                assert!(fixture.members[1].process(message).is_err());
            }
        }
        fixture.chat(0);
    }
}

#[test]
fn the_limits_are_exact() {
    let ratchet_limits = RatchetLimits::default().with_forward(5).with_backward(3);
    let mut fixture =
        GroupFixture::with_config(suite(1), GroupConfig::default().with_ratchet_limits(ratchet_limits));
    fixture.add(0, 1);
    let messages: Vec<MlsMessage> = (0..20_u8).map(|number| fixture.send(0, &[number])).collect();
    let mut take =
        |number: usize| fixture.members[1].process(&messages[number]).map(|processed| read(Ok(processed)).1);
    let ahead = |generation, next| Err(refused(ScheduleError::GenerationTooFarAhead { generation, next }));
    let gone = |generation| Err(refused(ScheduleError::KeyGone(generation)));
    let read = |number: u8| Ok(vec![number]);
    // The next generation is 0, so generation 5 is as far ahead as the limit allows.
    assert_eq!(take(6), ahead(6, 0));
    assert_eq!(take(5), read(5));
    // The newest generation is 5, so generation 2 is as far behind as the limit allows. This
    // message can be read once.
    assert_eq!(take(1), gone(1));
    assert_eq!(take(2), read(2));
    assert_eq!(take(2), gone(2));
    // The message that was too far ahead has not been lost.
    assert_eq!(take(6), read(6));
    assert_eq!(take(13), ahead(13, 7));
    assert_eq!(take(12), read(12));
    // Generations 3 and 4 have fallen too far behind in the meantime.
    assert_eq!(take(3), gone(3));
    assert_eq!(take(4), gone(4));
    assert_eq!(take(8), gone(8));
    assert_eq!(take(9), read(9));
    assert_eq!(take(11), read(11));
    assert_eq!(take(10), read(10));
    assert_eq!(take(13), read(13));
}

/// Shows that handshake messages have a ratchet of their own, and that each sender has its own
/// ratchets.
#[test]
fn senders_and_kinds_do_not_get_in_each_others_way() {
    let ratchet_limits = RatchetLimits::default().with_forward(3).with_backward(0);
    for suite in suites() {
        let mut fixture =
            GroupFixture::with_config(suite, GroupConfig::default().with_ratchet_limits(ratchet_limits));
        fixture.add(0, 2);
        let early = fixture.send(0, b"early");
        let others = [1, 2].map(|by| [b"a", b"b"].map(|data| fixture.send(by, data)));
        for message in others.iter().flatten() {
            read(fixture.members[0].process(message));
        }
        let message = fixture.send(0, b"skips one");
        read(fixture.members[1].process(&message));
        let gone = refused(ScheduleError::KeyGone(0));
        assert_eq!(fixture.members[1].process(&early).unwrap_err(), gone);
        assert_eq!(read(fixture.members[2].process(&early)).1, b"early");
        fixture.propose_update(0);
        fixture.commit(0, |builder| builder);
        fixture.chat(0);
    }
}
