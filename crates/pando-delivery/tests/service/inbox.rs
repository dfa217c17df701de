//! Inboxes and lists of groups.

use crate::fixture::World;
use pando_api::{GroupSummary, ProblemCode};
use pando_delivery::store::Store;

#[tokio::test]
async fn a_device_finds_the_groups_of_its_user() {
    let (mut world, mut alice, mut bob, _) = World::with_three(8).await;
    let laptop = world.device("bob@example.org/laptop", 1);
    let summary =
        |epoch, seq, is_member| GroupSummary { group_id: crate::clients::group_id(), epoch, seq, is_member };
    let groups = world.service.list_groups(&laptop.caller).await.unwrap().groups;
    assert_eq!(groups, [summary(1, 2, false)]);
    assert_eq!(world.service.list_groups(&bob.caller).await.unwrap().groups, [summary(1, 2, true)]);

    // The laptop joins while all others are off, with the state and the tree from the server.
    let (group_info, tree) = world.state(&laptop.caller).await.unwrap();
    let join = world.build_external_commit_with(&laptop, &group_info, (&tree, None));
    world.submit(&laptop.caller, &join).await.unwrap();
    world.service.run_due(world.now).await.unwrap();
    assert_eq!(world.service.list_groups(&laptop.caller).await.unwrap().groups, [summary(2, 3, true)]);
    let page = world.page(&laptop.caller, 0, usize::MAX).await.unwrap();
    assert_eq!(page.entries[0].seq, 3, "no history for the new device");
    assert!(
        world.service.read_inbox(&laptop.caller, (0, 1_000), world.now).await.unwrap().entries.is_empty()
    );
    for member in [&mut alice, &mut bob] {
        world.follow(member).await;
        assert_eq!(member.group().epoch(), 2);
    }
    let mallory = world.device("mallory@example.org/phone", 1);
    assert!(world.service.list_groups(&mallory.caller).await.unwrap().groups.is_empty());
}

#[tokio::test]
async fn readers_are_woken() {
    let (mut world, mut alice, mut bob, _) = World::with_three(1).await;
    let mut log = world.service.watch_group(&world.group_id);
    assert!(!log.has_changed().unwrap());
    let message = world.encrypt(&mut bob, "hello");
    world.send(&bob.caller, &message).await.unwrap();
    log.changed().await.unwrap();
    // A refused message wakes no reader.
    let mallory = world.device("mallory@example.org/phone", 1);
    assert!(world.send(&mallory.caller, &message).await.unwrap_err().is(ProblemCode::NotFound));
    let proposal = world.build_update(&mut bob);
    assert!(world.send(&mallory.caller, &proposal).await.unwrap_err().is(ProblemCode::NotFound));
    assert!(!log.has_changed().unwrap());
    let mut dave = world.device("dave@example.org/phone", 1);
    let mut inbox = world.service.watch_inbox(&dave.caller.user());
    world.add(&mut alice, &mut [&mut dave]).await;
    inbox.changed().await.unwrap();
    log.changed().await.unwrap();
}

#[tokio::test]
async fn an_acknowledgement_is_stored_once_a_minute() {
    let (mut world, _, mut bob, _) = World::with_three(1).await;
    for _ in 0..3 {
        let message = world.encrypt(&mut bob, "hello");
        world.send(&bob.caller, &message).await.unwrap();
    }
    let writes = |world: &World| world.service.store().counters().requests;
    let before = writes(&world);
    for seq in 2..=5 {
        world.service.acknowledge(&bob.caller, &world.group_id, seq, world.now).await.unwrap();
    }
    assert_eq!(writes(&world) - before, 1);
    world.now += 60_000;
    for seq in [3, 5, 5, 4] {
        world.service.acknowledge(&bob.caller, &world.group_id, seq, world.now).await.unwrap();
    }
    assert_eq!(writes(&world) - before, 2);
    let ahead = world.service.acknowledge(&bob.caller, &world.group_id, 6, world.now).await;
    assert!(ahead.unwrap_err().is(ProblemCode::Malformed));
}

/// The Welcome and the tree of an old epoch are kept for the lifetime of a Welcome, and no longer.
#[tokio::test]
async fn welcomes_and_old_trees_expire_together() {
    let (mut world, mut alice, _, _) = World::with_three(1).await;
    let mut dave = world.device("dave@example.org/phone", 1);
    let key_packages = world.key_packages(&mut [&mut dave]);
    let commit = world.build_commit(&mut alice, None, |commit| commit.add(key_packages[0].clone()));
    world.submit(&alice.caller, &commit).await.unwrap();
    world.follow(&mut alice).await;
    let invited = world.now;
    let lifetime = world.service.settings().welcome_lifetime;
    for _ in 0..5 {
        world.now += lifetime / 10;
        let commit = world.build_commit(&mut alice, None, |commit| commit);
        world.submit(&alice.caller, &commit).await.unwrap();
        world.follow(&mut alice).await;
    }
    world.now = invited + lifetime - 1;
    world.service.run_due(world.now).await.unwrap();
    let page = world.service.read_inbox(&dave.caller, (0, 1 << 20), world.now).await.unwrap();
    let old_tree = &page.entries[0].tree_hash;
    world.service.tree(&dave.caller, &world.group_id, old_tree).await.unwrap();

    world.now = invited + lifetime;
    world.service.run_due(world.now).await.unwrap();
    let page = world.service.read_inbox(&dave.caller, (0, 1 << 20), world.now).await.unwrap();
    assert!(page.entries.is_empty());
    // The epoch that began with the Welcome ended later, so its tree is still kept.
    world.service.tree(&dave.caller, &world.group_id, old_tree).await.unwrap();
    world.now = invited + 2 * lifetime;
    world.service.run_due(world.now).await.unwrap();
    let tree = world.other_server().tree(&dave.caller, &world.group_id, old_tree).await;
    assert!(tree.unwrap_err().is(ProblemCode::NotFound));
    world.state(&alice.caller).await.unwrap();
    // The log and the current state remain, and no work is due.
    assert!((**world.service.store()).due(u64::MAX >> 1, 10).await.unwrap().is_empty());
}
