//! A message arrives twice. The second copy is rejected, and later messages can still be read.

use crate::group_fixture::{GroupFixture, read, suites};
use pando_mls::{FramingError, GroupError, ScheduleError};

#[test]
fn a_replay_is_refused_and_does_no_harm() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        for (by, reader) in [(0, 1), (1, 0)] {
            let messages = [b"1", b"2", b"3"].map(|data| fixture.send(by, data));
            for (generation, message) in (0..).zip(&messages) {
                let member = &mut fixture.members[reader];
                assert_eq!(read(member.process(message)).1, [b'1' + u8::try_from(generation).unwrap()]);
                let gone = GroupError::Framing(FramingError::Schedule(ScheduleError::KeyGone(generation)));
                for _ in 0..2 {
                    assert_eq!(member.process(message).unwrap_err(), gone);
                }
            }
        }
        fixture.chat(0);
    }
}

#[test]
fn replayed_handshakes_do_no_harm_either() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 3);
        let proposal = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        fixture.deliver_proposal(0, &proposal);
        for index in [1, 2] {
            let gone = GroupError::Framing(FramingError::Schedule(ScheduleError::KeyGone(0)));
            assert_eq!(fixture.members[index].process(&proposal).unwrap_err(), gone);
            assert_eq!(fixture.members[index].pending_proposals().len(), 1);
        }
        let (commit, _) = fixture.commit(1, |builder| builder);
        for member in &mut fixture.members {
            assert!(member.process(&commit).is_err());
        }
        fixture.agree();
        fixture.chat(0);
    }
}
