//! A Commit mixes in the resumption PSK of a past epoch. Only members of that epoch can follow.
//! After some epochs the PSK is deleted.

use crate::world::{World, suite, suites};
use pando_mls::wire::ResumptionPskUsage;
use pando_mls::{GroupConfig, GroupError, Missing, Processed, Psk};

fn of_epoch(world: &World, psk_epoch: u64) -> Psk {
    let (usage, psk_group_id) = (ResumptionPskUsage::Application, world.context().group_id.clone());
    Psk::Resumption { usage, psk_group_id, psk_epoch }
}

#[test]
fn the_secret_of_a_past_epoch_is_mixed_in() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        let epoch = world.context().epoch;
        world.commit(1, |builder| builder);
        for (by, epoch) in [(2, epoch), (0, epoch + 1), (0, epoch)] {
            let psk = of_epoch(&world, epoch);
            world.commit(by, |builder| builder.psk(psk).without_path());
            world.chat(0);
        }
        // No member has the PSK of a future epoch.
        let psk = of_epoch(&world, world.context().epoch + 1);
        let refused = world.build(0, |builder| builder.psk(psk)).unwrap_err();
        assert!(matches!(refused, GroupError::Missing(Missing::Psk(_))));
        // The PSK of the current epoch can be mixed in as well.
        let psk = of_epoch(&world, world.context().epoch);
        world.commit(0, |builder| builder.psk(psk));
    }
}

#[test]
fn who_was_not_there_cannot_follow() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        let psk = of_epoch(&world, world.context().epoch);
        world.add(0, 1);
        let (message, _) = world.build(0, |builder| builder.psk(psk)).unwrap();
        let refused = world.members[2].process(&message).unwrap_err();
        assert!(matches!(refused, GroupError::Missing(Missing::Psk(_))));
        assert!(matches!(world.members[1].process(&message).unwrap(), Processed::Commit(_)));
    }
}

#[test]
fn only_so_many_epochs_are_remembered() {
    let config = GroupConfig::default().with_past_resumption_psks(2);
    let mut world = World::with_config(suite(1), config);
    world.add(0, 1);
    let epoch = world.context().epoch;
    let psk = of_epoch(&world, epoch);
    for by in [0, 1] {
        world.commit(by, |builder| builder);
    }
    world.build(0, |builder| builder.psk(psk.clone())).unwrap();
    world.members[0].clear_pending();
    assert!(world.members[0].group.resumption_psk(epoch).is_some());
    world.commit(1, |builder| builder);
    let refused = world.build(0, |builder| builder.psk(psk)).unwrap_err();
    assert!(matches!(refused, GroupError::Missing(Missing::Psk(_))));
    assert!(world.members[0].group.resumption_psk(epoch).is_none());
}
