//! The client reads its own Commit in the log, in each state of the operation.

use crate::fixture::{done, group_of, run, settle};
use pando_mls::GroupId;
use pando_simulation::{Deed, Fate, Script};

/// Starts an update, and returns the device and the group when the Commit is in flight.
async fn update(story: &mut Script<'_>) -> (usize, GroupId) {
    let group_id = group_of(story, "alice/laptop", &["alice", "bob"]).await;
    let alice = story.device("alice/laptop").unwrap();
    story.act(alice, &group_id, &Deed::Update).unwrap();
    let calls = story.calls(alice).await.unwrap();
    assert!(calls.contains(&"SubmitCommit".to_owned()), "{calls:?}");
    (alice, group_id)
}

/// Checks that the update has taken effect once.
async fn is_updated(mut story: Script<'_>, alice: usize, group_id: &GroupId) {
    settle(&mut story).await;
    assert_eq!(story.epoch(alice, group_id).unwrap(), 2, "{}", story.text());
    assert_eq!(done(&story, alice), 2, "the creation and the update");
}

/// Lets the device read the log.
async fn read(story: &mut Script<'_>, device: usize) {
    story.wait(600).await.unwrap();
    story.calls(device).await.unwrap();
    assert!(story.decide(device, "ReadLog", Fate::Answered).await.unwrap());
}

#[test]
fn the_receipt_comes_before_the_log() {
    run(async |mut story| {
        let (alice, group_id) = update(&mut story).await;
        story.decide(alice, "SubmitCommit", Fate::Answered).await.unwrap();
        assert_eq!(story.epoch(alice, &group_id).unwrap(), 1, "only the log merges a Commit");
        read(&mut story, alice).await;
        assert_eq!(story.epoch(alice, &group_id).unwrap(), 2);
        is_updated(story, alice, &group_id).await;
    });
}

#[test]
fn the_log_comes_before_the_receipt() {
    run(async |mut story| {
        let (alice, group_id) = update(&mut story).await;
        story.deliver(alice, "SubmitCommit").await;
        read(&mut story, alice).await;
        assert_eq!(story.epoch(alice, &group_id).unwrap(), 2);
        assert!(story.decide(alice, "SubmitCommit", Fate::Answered).await.unwrap());
        is_updated(story, alice, &group_id).await;
    });
}

#[test]
fn the_receipt_is_lost() {
    run(async |mut story| {
        let (alice, group_id) = update(&mut story).await;
        story.decide(alice, "SubmitCommit", Fate::AnswerLost).await.unwrap();
        read(&mut story, alice).await;
        assert_eq!(story.epoch(alice, &group_id).unwrap(), 2);
        is_updated(story, alice, &group_id).await;
    });
}

#[test]
fn the_request_is_lost() {
    run(async |mut story| {
        let (alice, group_id) = update(&mut story).await;
        story.decide(alice, "SubmitCommit", Fate::Lost).await.unwrap();
        read(&mut story, alice).await;
        assert_eq!(story.epoch(alice, &group_id).unwrap(), 1, "the server was not reached");
        is_updated(story, alice, &group_id).await;
    });
}

#[test]
fn the_device_is_killed_before_the_receipt() {
    run(async |mut story| {
        let (alice, group_id) = update(&mut story).await;
        story.deliver(alice, "SubmitCommit").await;
        story.kill(alice).unwrap();
        is_updated(story, alice, &group_id).await;
    });
}

#[test]
fn the_device_is_killed_after_the_receipt() {
    run(async |mut story| {
        let (alice, group_id) = update(&mut story).await;
        story.decide(alice, "SubmitCommit", Fate::Answered).await.unwrap();
        story.kill(alice).unwrap();
        is_updated(story, alice, &group_id).await;
    });
}

#[test]
fn the_commit_loses_against_another_one() {
    run(async |mut story| {
        let (alice, group_id) = update(&mut story).await;
        let bob = story.device("bob/laptop").unwrap();
        story.act(bob, &group_id, &Deed::Update).unwrap();
        story.calls(bob).await.unwrap();
        story.deliver(bob, "SubmitCommit").await;
        story.decide(alice, "SubmitCommit", Fate::Answered).await.unwrap();
        assert_eq!(story.epoch(alice, &group_id).unwrap(), 1, "the log decides");
        settle(&mut story).await;
        assert_eq!(story.epoch(alice, &group_id).unwrap(), 3, "both updates are done");
        assert_eq!((done(&story, alice), done(&story, bob)), (2, 1));
    });
}
