//! After a reinitialization, all members know the parameters of the successor group. The old group
//! has ended: no client can send, propose, commit or join.

use crate::group_fixture::{GroupFixture, suites};
use crate::proposals::{extensions, reinit, remove};
use pando_mls::{GroupError, Misuse, Suite};

fn ended(suite: Suite, by: usize) {
    let mut fixture = GroupFixture::of(suite, 2);
    let late = fixture.send(0, b"sent before");
    let newcomer = fixture.newcomer();
    let group_info = fixture.members[0].group_info(true);
    let next = reinit(crate::group_fixture::suite(2), extensions(&[0xf0f0]));
    let (message, _) = fixture.build(by, |builder| builder.reinit(next.clone())).unwrap();
    for index in [0, 1] {
        assert_eq!(fixture.members[index].follow(&message), index == by);
        assert_eq!(fixture.members[index].group.reinit(), Some(&next));
    }
    fixture.agree();
    for index in [0, 1] {
        let silent = GroupError::Misuse(Misuse::Ended);
        assert_eq!(fixture.build(index, |builder| builder).unwrap_err(), silent);
        let (member, rng) = (&mut fixture.members[index], &mut fixture.rng);
        assert_eq!(member.send(b"hello", rng).unwrap_err(), silent);
        assert_eq!(member.propose_update(rng).unwrap_err(), silent);
        assert_eq!(member.propose(remove(0), rng).unwrap_err(), silent);
    }
    // Members issue no GroupInfo for joiners, and a client cannot join with an older GroupInfo
    // either.
    for index in [0, 1] {
        let described = fixture.members[index].operate(|group, cx| {
            let described = group.group_info().build(&cx)?;
            Ok(group.take_delta().map(|()| described))
        });
        assert_eq!(described.unwrap_err(), GroupError::Misuse(Misuse::Ended));
    }
    let (_, message) = fixture.external(newcomer, &group_info, None, None, vec![]).unwrap();
    for member in &mut fixture.members {
        assert_eq!(member.process(&message).unwrap_err(), GroupError::Misuse(Misuse::Ended));
    }
    // A message that was sent before the end can still be read.
    assert_eq!(crate::group_fixture::read(fixture.members[1].process(&late)).1, b"sent before");
}

#[test]
fn a_reinitialized_group_falls_silent() {
    for suite in suites() {
        for by in [0, 1] {
            ended(suite, by);
        }
    }
}
