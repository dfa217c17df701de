//! A device comes back by an external Commit for the server's epoch, and once.

use crate::fixture::{client, count, group_of, run, settle};
use pando_client::Event;
use pando_simulation::{Deed, Fate, Script};

/// Lets a device work until it makes a call, which stays in flight.
async fn work_until(story: &mut Script<'_>, device: usize, name: &str) {
    for _ in 0..30 {
        let calls = story.calls(device).await.unwrap();
        if calls.iter().any(|call| call == name) {
            return;
        }
        for call in calls {
            story.decide(device, &call, Fate::Answered).await.unwrap();
        }
        story.wait(500).await.unwrap();
    }
    panic!("the device never calls {name}\n{}", story.text());
}

#[test]
fn a_device_that_has_lost_its_store_joins_while_others_commit() {
    for call in ["ReadState", "ReadTree", "SubmitCommit"] {
        run(async |mut story| {
            let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
            let (alice, bob) = (story.device("alice/laptop").unwrap(), story.device("bob/laptop").unwrap());
            story.lose_store(bob).unwrap();
            story.act(bob, &group_id, &Deed::Join).unwrap();
            work_until(&mut story, bob, call).await;
            if call != "SubmitCommit" {
                // The answer is old when it arrives.
                assert!(story.deliver(bob, call).await);
            }
            story.act(alice, &group_id, &Deed::Update).unwrap();
            story.work(alice, 4).await.unwrap();
            assert_eq!(story.epoch(alice, &group_id).unwrap(), 2, "{}", story.text());
            settle(&mut story).await;
            assert_eq!(story.epoch(bob, &group_id).unwrap(), 3, "one external Commit");
            assert_eq!(count(&story, bob, |event| matches!(event, Event::Joined { .. })), 1);
            assert_eq!(story.members(bob, &group_id).unwrap().len(), 4, "the former leaf is gone");
        });
    }
}

#[test]
fn a_device_that_has_left_joins_again() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
        let (alice, bob) = (story.device("alice/laptop").unwrap(), story.device("bob/phone").unwrap());
        story.act(alice, &group_id, &Deed::Remove(client("bob/phone"))).unwrap();
        story.work(alice, 4).await.unwrap();
        // The update loses against the removal, so the log must be read before another one.
        story.act(bob, &group_id, &Deed::Update).unwrap();
        story.work(bob, 4).await.unwrap();
        assert!(story.groups(bob).is_empty());
        story.act(bob, &group_id, &Deed::Join).unwrap();
        settle(&mut story).await;
        assert_eq!(story.members(bob, &group_id).unwrap().len(), 4);
    });
}

#[test]
fn an_external_commit_whose_answer_is_lost_is_merged_once() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["bob"]).await;
        let phone = story.device("alice/phone").unwrap();
        story.act(phone, &group_id, &Deed::Join).unwrap();
        work_until(&mut story, phone, "SubmitCommit").await;
        story.decide(phone, "SubmitCommit", Fate::AnswerLost).await.unwrap();
        story.kill(phone).unwrap();
        settle(&mut story).await;
        assert_eq!(story.epoch(phone, &group_id).unwrap(), 2);
    });
}

#[test]
fn a_welcome_and_an_external_commit_race() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["bob"]).await;
        let (alice, phone) = (story.device("alice/laptop").unwrap(), story.device("alice/phone").unwrap());
        story.act(phone, &group_id, &Deed::Join).unwrap();
        work_until(&mut story, phone, "SubmitCommit").await;
        story.act(alice, &group_id, &Deed::Add(client("alice/phone").user())).unwrap();
        story.work(alice, 4).await.unwrap();
        settle(&mut story).await;
        assert_eq!(story.members(phone, &group_id).unwrap().len(), 4);
        assert_eq!(story.epoch(phone, &group_id).unwrap(), 2, "no needless external Commit");
    });
}
