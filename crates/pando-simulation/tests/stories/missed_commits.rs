//! A Commit that a client misses is visible, and the client joins again.

use crate::fixture::{count, group_of, run};
use pando_api::{Problem, ProblemCode};
use pando_client::{Answer, CallError, Event, Refusal};
use pando_mls::GroupId;
use pando_simulation::{Deed, Fate, Script};

/// Lets Bob's laptop receive this result when it reads Alice's updates.
async fn misread(story: &mut Script<'_>, group_id: &GroupId, fate: Fate) -> usize {
    let (alice, bob) = (story.device("alice/laptop").unwrap(), story.device("bob/laptop").unwrap());
    for _ in 0..3 {
        story.act(alice, group_id, &Deed::Update).unwrap();
        story.work(alice, 4).await.unwrap();
    }
    story.calls(bob).await.unwrap();
    assert!(story.decide(bob, "ReadLog", fate).await.unwrap());
    bob
}

/// Checks that Bob's laptop is a member again, after one external Commit.
async fn is_back(mut story: Script<'_>, bob: usize, group_id: &GroupId) {
    story.settle().await.unwrap();
    let violations = story.check().await.unwrap();
    // The checks expect no alarm.
    let others: Vec<_> = violations.iter().filter(|violation| violation.rule != "no false alarm").collect();
    assert!(others.is_empty(), "{others:?}\n{}", story.text());
    assert!(violations.len() == 1, "{violations:?}");
    assert_eq!(story.groups(bob), std::slice::from_ref(group_id));
    assert_eq!(story.epoch(bob, group_id).unwrap(), 5, "one Commit more than before");
    assert_eq!(count(&story, bob, |event| matches!(event, Event::Joined { .. })), 2);
}

fn gap() -> Fate {
    let mut problem = Problem::default();
    (problem.code, problem.status) = (ProblemCode::Gap.as_str().to_owned(), 410);
    Fate::Refused(CallError::Problem(Box::new(Refusal { problem, retry_after: None })))
}

/// Drops the first entry of a page.
fn without_first(answer: Answer) -> Answer {
    match answer {
        Answer::Log(mut page) => {
            page.entries.remove(0);
            Answer::Log(page)
        }
        other => other,
    }
}

#[test]
fn a_gap_is_visible_and_the_user_joins_again() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
        let bob = misread(&mut story, &group_id, gap()).await;
        story.settle().await.unwrap();
        assert_eq!(count(&story, bob, |event| *event == Event::Gap), 1);
        assert!(story.groups(bob).is_empty(), "the client does not pretend to be up to date");
        story.act(bob, &group_id, &Deed::Join).unwrap();
        is_back(story, bob, &group_id).await;
    });
}

#[test]
fn a_client_joins_again_by_itself_if_the_application_wants_it() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
        story.let_devices_rejoin();
        let bob = story.device("bob/laptop").unwrap();
        story.kill(bob).unwrap();
        story.work(bob, 2).await.unwrap();
        misread(&mut story, &group_id, gap()).await;
        is_back(story, bob, &group_id).await;
    });
}

#[test]
fn a_dropped_commit_is_visible_and_the_user_joins_again() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
        let bob = misread(&mut story, &group_id, Fate::Altered(without_first)).await;
        story.settle().await.unwrap();
        assert_eq!(count(&story, bob, |event| matches!(event, Event::LogRefused { .. })), 1);
        assert!(story.groups(bob).is_empty());
        story.act(bob, &group_id, &Deed::Join).unwrap();
        is_back(story, bob, &group_id).await;
    });
}
