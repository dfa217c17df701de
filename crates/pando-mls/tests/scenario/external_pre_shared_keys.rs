//! Members mix in external PSKs. A member that lacks one cannot follow until it has it.

use crate::world::{World, external_psk, suites};
use pando_mls::{GroupError, Missing, NoPsks, Processed};

#[test]
fn pre_shared_keys_are_mixed_in() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        world.commit(0, |builder| builder.psk(external_psk(1)).psk(external_psk(2)));
        world.commit(2, |builder| builder.psk(external_psk(1)).without_path());
        world.chat(0);
        // Members that are added need the PSKs as well.
        let newcomer = world.newcomer();
        let (_, welcome) =
            world.commit(1, |builder| builder.add(newcomer.key_package()).psk(external_psk(3)));
        world.enter(newcomer, &welcome.unwrap());
        world.chat(3);
    }
}

#[test]
fn who_lacks_a_pre_shared_key_cannot_follow() {
    for suite in suites() {
        let mut world = World::public(suite);
        world.add(0, 2);
        let newcomer = world.newcomer();
        let (message, welcome) =
            world.build(0, |builder| builder.add(newcomer.key_package()).psk(external_psk(9))).unwrap();
        let without = world.members[1]
            .operate(|group, client| group.process(message.clone(), &client.with_psks(&NoPsks)));
        assert!(
            matches!(without.unwrap_err(), GroupError::Missing(Missing::Psk(id)) if id.psk == external_psk(9))
        );
        let alone = crate::world::client(&*newcomer.signer).with_psks(&NoPsks);
        let joined = pando_mls::Group::join(&welcome.clone().unwrap(), &newcomer.bundle, None, &alone);
        assert!(matches!(joined.unwrap_err(), GroupError::Missing(Missing::Psk(_))));
        // The group is unchanged. With the PSK, the same Commit is accepted.
        assert!(matches!(world.members[2].process(&message).unwrap(), Processed::Commit(_)));
        world.deliver_commit(0, &message);
        world.enter(newcomer, &welcome.unwrap());
        world.chat(3);
    }
}
