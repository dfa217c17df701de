//! A Welcome is fetched again after the joiner was killed.

use crate::fixture::{client, count, group_of, run, settle, user};
use pando_client::Event;
use pando_simulation::{Deed, Fate};

#[test]
fn a_welcome_waits_for_the_removal_before_it() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
        let (alice, bob) = (story.device("alice/laptop").unwrap(), story.device("bob/phone").unwrap());
        for deed in [Deed::Remove(client("bob/phone")), Deed::Add(user("bob"))] {
            story.act(alice, &group_id, &deed).unwrap();
            story.work(alice, 4).await.unwrap();
        }
        // The log cannot be read for a while.
        for _ in 0..6 {
            for name in story.calls(bob).await.unwrap() {
                let fate = if name == "ReadLog" { Fate::Lost } else { Fate::Answered };
                story.decide(bob, &name, fate).await.unwrap();
            }
            story.wait(1_000).await.unwrap();
        }
        settle(&mut story).await;
        assert_eq!(story.members(bob, &group_id).unwrap().len(), 4);
        assert_eq!(count(&story, bob, |event| matches!(event, Event::WelcomeRefused { .. })), 0);
    });
}

#[test]
fn a_welcome_is_fetched_again_after_a_kill() {
    for call in ["ReadInbox", "ReadTree", "RemoveInboxEntry"] {
        for fate in [Fate::Answered, Fate::AnswerLost, Fate::Lost] {
            run(async |mut story| {
                let group_id = group_of(&mut story, "alice/laptop", &["alice"]).await;
                let (alice, bob) =
                    (story.device("alice/laptop").unwrap(), story.device("bob/laptop").unwrap());
                story.act(alice, &group_id, &Deed::Add(user("bob"))).unwrap();
                story.work(alice, 6).await.unwrap();
                for _ in 0..10 {
                    let calls = story.calls(bob).await.unwrap();
                    if calls.iter().any(|name| name == call) {
                        story.decide(bob, call, fate.clone()).await.unwrap();
                        break;
                    }
                    for name in calls {
                        story.decide(bob, &name, Fate::Answered).await.unwrap();
                    }
                    story.wait(1_000).await.unwrap();
                }
                story.kill(bob).unwrap();
                settle(&mut story).await;
                assert_eq!(story.members(bob, &group_id).unwrap().len(), 4);
                assert_eq!(count(&story, bob, |event| matches!(event, Event::Joined { .. })), 1);
            });
        }
    }
}
