//! A message whose receipt is lost is reported as sent, whatever happens to its sender.

use crate::fixture::{client, count, group_of, received, run, settle};
use pando_client::Event;
use pando_simulation::{Deed, Fate};

#[test]
fn the_log_ends_a_message_whose_sender_is_removed() {
    for reads_first in [true, false] {
        run(async |mut story| {
            let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
            let (alice, bob) = (story.device("alice/laptop").unwrap(), story.device("bob/phone").unwrap());
            story.act(bob, &group_id, &Deed::Send("hello".to_owned())).unwrap();
            story.calls(bob).await.unwrap();
            assert!(story.decide(bob, "SubmitMessage", Fate::AnswerLost).await.unwrap());
            story.act(alice, &group_id, &Deed::Remove(client("bob/phone"))).unwrap();
            story.work(alice, 4).await.unwrap();
            if reads_first {
                assert!(story.decide(bob, "ReadLog", Fate::Answered).await.unwrap());
            }
            settle(&mut story).await;
            assert_eq!(received(&story, alice), 1);
            assert_eq!(count(&story, bob, |event| matches!(event, Event::MessageSent { .. })), 1);
            assert_eq!(count(&story, bob, |event| *event == Event::RemovedUs), 1);
        });
    }
}
