//! A client joins by an external Commit that mixes in PSKs, which the members also have.

use crate::world::{World, external_psk, suites};
use pando_mls::{GroupError, Missing, NoPsks};

#[test]
fn a_pre_shared_key_comes_along() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        world.join_external(None, vec![external_psk(3), external_psk(4)]);
        world.chat(2);
        // A member without the PSK cannot follow.
        let (newcomer, group_info) = (world.newcomer(), world.members[0].group_info(true));
        let (_, message) = world.external(newcomer, &group_info, None, None, vec![external_psk(5)]).unwrap();
        for member in &mut world.members {
            let without =
                member.operate(|group, client| group.process(message.clone(), &client.with_psks(&NoPsks)));
            assert!(matches!(without.unwrap_err(), GroupError::Missing(Missing::Psk(_))));
        }
        world.agree();
    }
}
