//! A client has recorded all earlier messages and then joins, by a Welcome or by an external
//! Commit. It can decrypt none of them.

use crate::world::{World, suites};
use pando_mls::GroupError;

#[test]
fn a_newcomer_knows_nothing_of_the_past() {
    for suite in suites() {
        for by in [0, 1] {
            let mut world = World::of(suite, 2);
            let mut log = vec![world.send(by, b"long ago")];
            log.push(world.commit(by, |builder| builder).0);
            log.push(world.send(1 - by, b"a moment ago"));
            log.push(world.members[by].propose_update(&mut world.rng).unwrap());
            let update = log.last().unwrap().clone();
            world.deliver_proposal(by, &update);
            let newcomer = world.newcomer();
            let (commit, welcome) = world.commit(1 - by, |builder| builder.add(newcomer.key_package()));
            log.push(commit);
            world.enter(newcomer, &welcome.unwrap());
            world.join_external(None, vec![]);
            for newcomer in [2, 3] {
                for message in &log {
                    let refused = world.members[newcomer].process(message).unwrap_err();
                    assert!(matches!(refused, GroupError::EpochMismatch { .. }), "{refused:?}");
                }
            }
            world.agree();
            world.chat(2);
        }
    }
}
