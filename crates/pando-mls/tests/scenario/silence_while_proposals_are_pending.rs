//! While proposals are pending, no member sends application data, not even one that has missed the
//! latest proposals. After the Commit, all can send again.

use crate::proposals::custom;
use crate::world::{World, suites};
use pando_mls::{GroupError, Misuse};

#[test]
fn nothing_is_sent_while_there_are_proposals() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let under_way = world.send(2, b"sent before");
        world.propose_update(0);
        world.propose(1, custom(0xf001, b""));
        for index in 0..3 {
            let sent = world.members[index].send(b"x", &mut world.rng);
            assert_eq!(sent.unwrap_err(), GroupError::Misuse(Misuse::ProposalsPending));
        }
        // Messages that were sent before can still be read.
        for index in 0..2 {
            assert_eq!(crate::world::read(world.members[index].process(&under_way)).1, b"sent before");
        }
        world.commit(2, |builder| builder);
        world.chat(0);
        world.chat(1);
    }
}
