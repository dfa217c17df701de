//! Joining from outside.

use crate::world::{World, external_psk, suites};
use pando_group::{GroupError, Missing, Violation};
use pando_wire::{ExtensionType, LeafIndex};

#[test]
fn somebody_joins_while_all_others_are_asleep() {
    for suite in suites() {
        let mut world = World::of(suite, 3);
        world.join_external(None, vec![]);
        world.chat(3);
        world.commit(3, |builder| builder);
        world.chat(1);
        world.add(3, 1);
        world.chat(4);
    }
}

#[test]
fn external_joins_follow_one_another() {
    let mut world = World::new(World::first());
    for _ in 0..6 {
        world.join_external(None, vec![]);
    }
    world.chat(5);
    world.commit(2, |builder| builder);
    world.join_external(None, vec![]);
    world.chat(0);
}

#[test]
fn a_client_that_lost_its_state_comes_back() {
    let mut world = World::of(World::first(), 4);
    let lost = world.leaf(2);
    world.join_external(Some(lost), vec![]);
    assert_eq!(world.clients.len(), 4);
    // The leaf that became free.
    assert_eq!(world.leaf(3), lost);
    world.chat(3);
}

#[test]
fn a_pre_shared_key_comes_along() {
    let mut world = World::of(World::first(), 2);
    world.join_external(None, vec![external_psk(3), external_psk(4)]);
    world.chat(2);
}

#[test]
fn a_description_without_what_is_needed_is_refused() {
    let mut world = World::of(World::first(), 2);
    let (_, signer) = world.newcomer();
    let helper = &world.clients[0];
    let without_tree = helper.group.group_info(false, &*helper.signer).unwrap();
    let tree = helper.group.public().tree().export().unwrap();
    let joined = world.external(&without_tree, None, &*signer, None, vec![]);
    assert_eq!(joined.unwrap_err(), GroupError::Missing(Missing::Tree));
    world.external(&without_tree, Some(&tree), &*signer, None, vec![]).unwrap();

    let mut without_key = without_tree.clone();
    without_key.extensions.0.retain(|extension| extension.extension_type != ExtensionType::EXTERNAL_PUB);
    let joined = world.external(&without_key, Some(&tree), &*signer, None, vec![]);
    // Whoever takes it out breaks the signature.
    assert_eq!(joined.unwrap_err(), GroupError::Violation(Violation::GroupInfoSignature));
}

#[test]
fn a_leaf_that_is_blank_cannot_be_replaced() {
    let mut world = World::of(World::first(), 2);
    let (_, signer) = world.newcomer();
    let helper = &world.clients[0];
    let group_info = helper.group.group_info(true, &*helper.signer).unwrap();
    for leaf in [2, 3, 1 << 31, u32::MAX].map(LeafIndex) {
        let joined = world.external(&group_info, None, &*signer, Some(leaf), vec![]);
        assert_eq!(joined.unwrap_err(), GroupError::Violation(Violation::RemovedIsNoMember(leaf)));
    }
}

#[test]
fn the_key_of_an_old_epoch_does_not_open_the_new_one() {
    let mut world = World::of(World::first(), 2);
    let (_, signer) = world.newcomer();
    let helper = &world.clients[0];
    let old = helper.group.group_info(true, &*helper.signer).unwrap();
    world.commit(1, |builder| builder);
    let (_, message) = world.external(&old, None, &*signer, None, vec![]).unwrap();
    assert!(world.process(0, &message).is_err());
    world.agree();
}
