//! After a reinitialization all members know the parameters of the next group, and the old group
//! has ended: no client can send, propose, commit or join.

use crate::proposals::{extensions, reinit, remove};
use crate::world::{World, suites};
use pando_mls::{GroupError, Misuse, Suite};

fn ended(suite: Suite, by: usize) {
    let mut world = World::of(suite, 2);
    let late = world.send(0, b"sent before");
    let newcomer = world.newcomer();
    let group_info = world.members[0].group_info(true);
    let next = reinit(crate::world::suite(2), extensions(&[0xf0f0]));
    let (message, _) = world.build(by, |builder| builder.reinit(next.clone())).unwrap();
    for index in [0, 1] {
        assert_eq!(world.members[index].follow(&message), index == by);
        assert_eq!(world.members[index].group.reinit(), Some(&next));
    }
    world.agree();
    for index in [0, 1] {
        let silent = GroupError::Misuse(Misuse::Ended);
        assert_eq!(world.build(index, |builder| builder).unwrap_err(), silent);
        let (member, rng) = (&mut world.members[index], &mut world.rng);
        assert_eq!(member.send(b"hello", rng).unwrap_err(), silent);
        assert_eq!(member.propose_update(rng).unwrap_err(), silent);
        assert_eq!(member.propose(remove(0), rng).unwrap_err(), silent);
    }
    // Members issue no GroupInfo for joiners, and an older GroupInfo does not let a client join
    // either.
    for index in [0, 1] {
        let described = world.members[index].operate(|group, client| {
            let described = group.group_info().build(&client)?;
            Ok(group.take_delta().map(|()| described))
        });
        assert_eq!(described.unwrap_err(), GroupError::Misuse(Misuse::Ended));
    }
    let (_, message) = world.external(newcomer, &group_info, None, None, vec![]).unwrap();
    for member in &mut world.members {
        assert_eq!(member.process(&message).unwrap_err(), GroupError::Misuse(Misuse::Ended));
    }
    // A message sent before the end can still be read.
    assert_eq!(crate::world::read(world.members[1].process(&late)).1, b"sent before");
}

#[test]
fn a_reinitialized_group_falls_silent() {
    for suite in suites() {
        for by in [0, 1] {
            ended(suite, by);
        }
    }
}
