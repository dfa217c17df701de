//! Members come and go.

use crate::world::{AllPsks, POLICY, World, suites};
use pando_group::{Group, GroupError, Missing, Processed};
use pando_wire::LeafIndex;

#[test]
fn two_members_of_every_suite() {
    for suite in suites() {
        let mut world = World::of(suite, 2);
        world.chat(0);
        world.chat(1);
        world.commit(1, |builder| builder);
        world.chat(0);
        world.remove(1, 0);
        assert_eq!(world.clients.len(), 1);
    }
}

#[test]
fn hundreds_are_welcomed_at_once() {
    let mut world = World::of(World::first(), 200);
    world.chat(199);
    world.commit(77, |builder| builder);
    world.chat(0);
}

#[test]
fn a_tree_can_come_another_way() {
    let mut world = World::of(World::first(), 3);
    let (bundle, _) = world.newcomer();
    let output = world.commit(1, |builder| builder.add(bundle.key_package.clone()).without_tree());
    let welcome = output.welcome.unwrap();
    let tree = world.clients[0].group.public().tree().export().unwrap();
    let join =
        |bundle, tree| Group::join(world.suite, &welcome, bundle, tree, &AllPsks, POLICY, world.config);
    let copy = pando_group::KeyPackageBundle {
        key_package: bundle.key_package.clone(),
        init_key_pair: copy_pair(&bundle.init_key_pair),
        leaf_key_pair: copy_pair(&bundle.leaf_key_pair),
    };
    assert_eq!(join(copy, None).unwrap_err(), GroupError::Missing(Missing::Tree));
    let group = join(bundle, Some(&tree)).unwrap();
    assert_eq!(group.epoch_authenticator(), world.clients[0].group.epoch_authenticator());
}

pub(crate) fn copy_pair(pair: &pando_crypto::HpkeKeyPair) -> pando_crypto::HpkeKeyPair {
    pando_crypto::HpkeKeyPair { private: pair.private.expose().into(), public: pair.public.clone() }
}

#[test]
fn a_welcome_for_somebody_else_is_of_no_use() {
    let mut world = World::of(World::first(), 2);
    let ((bundle, _), (other, _)) = (world.newcomer(), world.newcomer());
    let welcome = world.commit(0, |builder| builder.add(bundle.key_package.clone())).welcome.unwrap();
    let joined = Group::join(world.suite, &welcome, other, None, &AllPsks, POLICY, world.config);
    assert_eq!(joined.unwrap_err(), GroupError::Missing(Missing::WelcomeSecrets));
}

#[test]
fn the_one_who_began_leaves_and_the_group_goes_on() {
    let mut world = World::of(World::first(), 5);
    world.remove(3, 0);
    assert!(!world.clients.iter().any(|client| client.group.own_leaf() == LeafIndex(0)));
    world.chat(0);
    // The next one gets leaf 0.
    world.add(2, 1);
    assert_eq!(world.leaf(4), LeafIndex(0));
    world.chat(4);
    world.commit(4, |builder| builder);
    world.chat(1);
}

#[test]
fn a_removed_member_with_the_whole_later_log_reads_nothing() {
    let mut world = World::of(World::first(), 4);
    let removed = world.clients.remove(2);
    let leaf = removed.group.own_leaf();
    let mut log = vec![world.build(0, |builder| builder.remove(leaf)).unwrap().message];
    world.deliver_commit(0, &log[0]);
    log.push(world.send(1, b"without you"));
    log.push(world.commit(1, |builder| builder).message);
    log.push(world.send(0, b"still without you"));

    let mut group = removed.group;
    match group.process(log.remove(0), &AllPsks, POLICY, None).unwrap() {
        Processed::Commit(staged) => {
            assert!(staged.removes_me());
            group.merge(*staged).unwrap();
        }
        other => panic!("not a Commit: {other:?}"),
    }
    assert!(!group.is_active());
    for message in log {
        assert!(group.process(message, &AllPsks, POLICY, None).is_err());
    }
    let world_authenticator = world.clients[0].group.epoch_authenticator();
    assert_ne!(group.epoch_authenticator(), world_authenticator);
}

#[test]
fn a_group_shrinks_and_grows_across_powers_of_two() {
    let mut world = World::of(World::first(), 9);
    while world.clients.len() > 2 {
        let last = world.clients.len() - 1;
        let by = last / 2;
        world.remove(by, last);
        world.chat(by);
    }
    for size in [3, 4, 5, 8, 9, 17] {
        let missing = size - world.clients.len();
        world.add(1, missing);
        world.commit(size - 1, |builder| builder);
        world.chat(size - 1);
    }
}

#[test]
fn a_commit_adds_and_removes_at_once() {
    let mut world = World::of(World::first(), 6);
    let (bundle, _) = world.newcomer();
    let (a, b) = (world.leaf(1), world.leaf(4));
    world.commit(3, |builder| builder.remove(a).add(bundle.key_package.clone()).remove(b));
    assert_eq!(world.clients.len(), 4);
    // The new one has not joined, but has the leaf of the first that went.
    assert!(world.clients[0].group.public().tree().is_member(a));
    world.chat(0);
}
