//! The expiry of rows.

use crate::fixture::{DAY, HOUR, NOW, Spec, World, claimer, kinds};
use pando_delivery::account::inbox::{WelcomePointer, deliver};
use pando_mls::GroupId;

#[test]
fn the_partition_is_due_at_the_next_expiry() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let user = alice.caller.user();
    let due = |world: &World| world.due(&user).map(|due| due - NOW);
    world.publish(&alice, &[Spec::until(NOW + 2 * DAY), Spec::last_resort()]);
    assert_eq!(due(&world), Some(2 * DAY));
    world.claim_one(&claimer("bob@example.org/phone"), 1, &alice);
    assert_eq!(due(&world), Some(DAY));
    let (client, group_id) = (alice.client().clone(), GroupId::from("a group of 16 bytes"));
    let pointer = WelcomePointer { group_id, group_seq: 1, expires: NOW + HOUR };
    world.write(&user, move |rows, now| deliver(rows, &client, &pointer, now)).unwrap();
    assert_eq!(due(&world), Some(HOUR));
    world.login(&alice.caller, b"nonce").unwrap();
    assert_eq!(due(&world), Some(60_000));
    assert_eq!(kinds(&world.rows(&user)), "acdilnrst".chars().collect());

    // Each kind of row is deleted at its time: not a millisecond earlier.
    for (after, next, left) in [
        (60_000, HOUR, "acdilrst"),
        (HOUR, DAY, "aclrst"),
        (DAY, 2 * DAY, "alrst"),
        (2 * DAY, 10 * DAY, "alrst"),
    ] {
        let before = world.rows(&user);
        world.now = NOW + after - 1;
        world.expire(&user, 100);
        assert_eq!(world.rows(&user), before);
        assert_eq!(due(&world), Some(after));
        world.now += 1;
        world.expire(&user, 100);
        assert_eq!(due(&world), Some(next));
        assert_eq!(kinds(&world.rows(&user)), left.chars().collect());
    }
    world.now = NOW + 10 * DAY;
    world.expire(&user, 100);
    // The version of the client and the end of the inbox remain.
    assert_eq!(kinds(&world.rows(&user)), "as".chars().collect());
    assert_eq!(world.due(&user), None);
}

#[test]
fn expired_rows_are_deleted_in_chunks() {
    let mut world = World::new();
    let alice = world.device("alice@example.org/phone", 1);
    let user = alice.caller.user();
    world.publish(&alice, &[Spec::until(NOW + DAY); 5]);
    world.publish(&alice, &[Spec::until(NOW + 2 * DAY)]);
    world.now = NOW + DAY;
    for left in [6, 4, 2] {
        assert_eq!(world.rows(&user).keys().filter(|key| key[0] == b'k').count(), left);
        assert_eq!(world.due(&user), Some(NOW + DAY));
        world.expire(&user, 2);
    }
    assert_eq!(world.due(&user), Some(NOW + 2 * DAY));
    let rows = world.rows(&user);
    for kind in [b'k', b'r', b't'] {
        assert_eq!(rows.keys().filter(|key| key[0] == kind).count(), 1);
    }
    world.expire(&user, 0);
    assert_eq!(world.rows(&user), rows);
}

#[test]
fn a_time_beyond_all_bounds_is_no_error() {
    let world = World::new();
    let client = "alice@example.org/phone".parse().unwrap();
    let user = "alice@example.org".parse().unwrap();
    let pointer = WelcomePointer { group_id: GroupId::from("a group"), group_seq: 1, expires: u64::MAX };
    assert!(world.write(&user, move |rows, now| deliver(rows, &client, &pointer, now)).unwrap());
    assert_eq!(world.due(&user), Some(u64::MAX >> 1));
}
