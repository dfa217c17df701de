//! A device is killed at each write of each operation, or the write fails and the device goes on:
//! the operation ends once, and nothing happens twice.

use crate::fixture::{certificates, client, count, group_of, received, run, settle, user};
use pando_client::Event;
use pando_mls::GroupId;
use pando_simulation::{Deed, Script};

/// What happens at a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    KilledBefore,
    KilledAfter,
    Fails,
    FailsAfter,
}

/// Runs a story once for each write of a device, until the story ends without reaching the write.
async fn at_each_write(
    victim: &str,
    is_actor: bool,
    prepare: impl AsyncFn(&mut Script<'_>) -> GroupId,
    act: impl Fn(&mut Script<'_>, &GroupId),
    check: impl Fn(&mut Script<'_>, &GroupId),
) {
    for kind in [Write::KilledBefore, Write::KilledAfter, Write::Fails, Write::FailsAfter] {
        let mut write = 0;
        loop {
            let mut story = Script::begin(certificates()).await.unwrap();
            let group_id = prepare(&mut story).await;
            let device = story.device(victim).unwrap();
            let takes_effect = matches!(kind, Write::KilledAfter | Write::FailsAfter);
            match kind {
                Write::KilledBefore | Write::KilledAfter => story.light_fuse(device, write, takes_effect),
                Write::Fails | Write::FailsAfter => story.fail_write(device, write, takes_effect),
            }
            act(&mut story, &group_id);
            if is_actor && write == 0 && !takes_effect {
                // The user was told that nothing has happened, and tries again.
                act(&mut story, &group_id);
            }
            if let Err(error) = story.settle().await {
                panic!("{kind:?} {write}: {error}\n{}", story.text());
            }
            let is_through = story.is_fuse_lit(device);
            let violations = story.check().await.unwrap();
            assert!(violations.is_empty(), "{kind:?} {write}: {violations:?}\n{}", story.text());
            check(&mut story, &group_id);
            if is_through {
                assert!(write > 0, "the operation writes something");
                break;
            }
            write += 1;
            assert!(write < 100, "the operation ends");
        }
    }
}

/// Runs a story of a device in a group of Alice and Bob.
fn of_a_member(victim: &'static str, deed: &Deed, check: impl Fn(&mut Script<'_>, &GroupId)) {
    let act = |story: &mut Script<'_>, group_id: &GroupId| {
        let device = story.device(victim).unwrap();
        story.act(device, group_id, deed).unwrap();
    };
    run(async |_| at_each_write(victim, true, alice_and_bob, act, check).await);
}

async fn alice_and_bob(story: &mut Script<'_>) -> GroupId {
    group_of(story, "alice/laptop", &["alice", "bob"]).await
}

/// Asserts the number of members, on all of their devices.
fn has_members(story: &mut Script<'_>, group_id: &GroupId, names: &[&str]) {
    for name in names {
        let device = story.device(name).unwrap();
        let members = story.members(device, group_id).unwrap();
        let expected: Vec<_> = names.iter().map(|name| client(name)).collect();
        assert_eq!(members, expected, "{name}: {}", story.text());
    }
}

const ALICE_AND_BOB: [&str; 4] = ["alice/laptop", "alice/phone", "bob/laptop", "bob/phone"];

#[test]
fn creating() {
    let prepare = async |_: &mut Script<'_>| GroupId::from([0; 16].as_slice());
    let act = |story: &mut Script<'_>, _: &GroupId| {
        let alice = story.device("alice/laptop").unwrap();
        story.create(alice, &["alice", "bob"]).unwrap();
    };
    let check = |story: &mut Script<'_>, _: &GroupId| {
        let alice = story.device("alice/laptop").unwrap();
        let groups = story.groups(alice);
        assert_eq!(groups.len(), 1, "{}", story.text());
        has_members(story, &groups[0], &ALICE_AND_BOB);
        assert_eq!(story.epoch(alice, &groups[0]).unwrap(), 1);
    };
    run(async |_| at_each_write("alice/laptop", true, prepare, act, check).await);
}

#[test]
fn adding() {
    of_a_member("alice/laptop", &Deed::Add(user("carol")), |story, group_id| {
        let names = [&ALICE_AND_BOB[..], &["carol/laptop", "carol/phone"]].concat();
        has_members(story, group_id, &names);
    });
}

#[test]
fn removing() {
    of_a_member("alice/laptop", &Deed::Remove(client("bob/phone")), |story, group_id| {
        has_members(story, group_id, &ALICE_AND_BOB[..3]);
        let phone = story.device("bob/phone").unwrap();
        assert_eq!(count(story, phone, |event| *event == Event::RemovedUs), 1);
    });
}

#[test]
fn setting_the_policy() {
    let admins = vec![user("alice"), user("bob")];
    of_a_member("alice/laptop", &Deed::SetPolicy(admins), |story, group_id| {
        has_members(story, group_id, &ALICE_AND_BOB);
        let bob = story.device("bob/laptop").unwrap();
        assert_eq!(count(story, bob, |event| *event == Event::ExtensionsChanged), 1);
    });
}

#[test]
fn updating() {
    of_a_member("bob/laptop", &Deed::Update, |story, group_id| {
        let alice = story.device("alice/laptop").unwrap();
        assert_eq!(story.epoch(alice, group_id).unwrap(), 2);
    });
}

#[test]
fn leaving() {
    of_a_member("bob/phone", &Deed::Leave, |story, group_id| {
        has_members(story, group_id, &ALICE_AND_BOB[..3]);
        let phone = story.device("bob/phone").unwrap();
        assert_eq!(count(story, phone, |event| *event == Event::RemovedUs), 1);
    });
}

#[test]
fn sending() {
    of_a_member("alice/laptop", &Deed::Send("hello".to_owned()), |story, _| {
        for name in ["alice/phone", "bob/laptop", "bob/phone"] {
            let device = story.device(name).unwrap();
            assert_eq!(received(story, device), 1, "{name}");
        }
    });
}

#[test]
fn joining() {
    let prepare = async |story: &mut Script<'_>| group_of(story, "alice/laptop", &["bob"]).await;
    let act = |story: &mut Script<'_>, group_id: &GroupId| {
        let phone = story.device("alice/phone").unwrap();
        story.act(phone, group_id, &Deed::Join).unwrap();
    };
    let check = |story: &mut Script<'_>, group_id: &GroupId| {
        has_members(story, group_id, &ALICE_AND_BOB);
        let phone = story.device("alice/phone").unwrap();
        assert_eq!(count(story, phone, |event| matches!(event, Event::Joined { .. })), 1);
    };
    run(async |_| at_each_write("alice/phone", true, prepare, act, check).await);
}

#[test]
fn joining_by_a_welcome() {
    let prepare = async |story: &mut Script<'_>| group_of(story, "alice/laptop", &["alice"]).await;
    let act = |story: &mut Script<'_>, group_id: &GroupId| {
        let alice = story.device("alice/laptop").unwrap();
        story.act(alice, group_id, &Deed::Add(user("bob"))).unwrap();
    };
    let check = |story: &mut Script<'_>, group_id: &GroupId| {
        has_members(story, group_id, &ALICE_AND_BOB);
        let bob = story.device("bob/laptop").unwrap();
        assert_eq!(count(story, bob, |event| matches!(event, Event::Joined { .. })), 1);
    };
    run(async |_| at_each_write("bob/laptop", false, prepare, act, check).await);
}

#[test]
fn reading() {
    let act = |story: &mut Script<'_>, group_id: &GroupId| {
        let alice = story.device("alice/laptop").unwrap();
        for deed in [Deed::Send("one".to_owned()), Deed::Update, Deed::Send("two".to_owned())] {
            story.act(alice, group_id, &deed).unwrap();
        }
    };
    let check = |story: &mut Script<'_>, _: &GroupId| {
        let bob = story.device("bob/laptop").unwrap();
        assert_eq!(received(story, bob), 2);
    };
    run(async |_| at_each_write("bob/laptop", false, alice_and_bob, act, check).await);
}

#[test]
fn replenishing_key_packages() {
    // Bob's laptop makes new KeyPackages, because two of its four are claimed.
    let prepare = async |story: &mut Script<'_>| {
        for _ in 0..2 {
            group_of(story, "alice/laptop", &["bob"]).await;
        }
        group_of(story, "alice/laptop", &["alice"]).await
    };
    let act = |story: &mut Script<'_>, group_id: &GroupId| {
        let alice = story.device("alice/laptop").unwrap();
        story.act(alice, group_id, &Deed::Add(user("bob"))).unwrap();
    };
    let check = |story: &mut Script<'_>, group_id: &GroupId| has_members(story, group_id, &ALICE_AND_BOB);
    run(async |_| at_each_write("bob/laptop", false, prepare, act, check).await);
}

#[test]
fn an_untouched_story_has_no_violation() {
    run(async |mut story| {
        let group_id = alice_and_bob(&mut story).await;
        settle(&mut story).await;
        has_members(&mut story, &group_id, &ALICE_AND_BOB);
    });
}
