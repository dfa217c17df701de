//! A creation is continued after a crash, so no group stays in epoch 0.

use crate::fixture::{run, settle};
use pando_simulation::Fate;

#[test]
fn a_creation_is_continued_after_each_answer() {
    for killed_after in ["Describe", "ClaimKeyPackages", "CreateGroup"] {
        for fate in [Fate::Answered, Fate::Lost, Fate::AnswerLost] {
            run(async |mut story| {
                let alice = story.device("alice/laptop").unwrap();
                let group_id = story.create(alice, &["alice", "bob"]).unwrap().unwrap();
                for _ in 0..20 {
                    let calls = story.calls(alice).await.unwrap();
                    if calls.iter().any(|name| name == killed_after) {
                        story.decide(alice, killed_after, fate.clone()).await.unwrap();
                        break;
                    }
                    for name in calls {
                        story.decide(alice, &name, Fate::Answered).await.unwrap();
                    }
                    story.wait(1_000).await.unwrap();
                }
                story.kill(alice).unwrap();
                settle(&mut story).await;
                assert_eq!(story.epoch(alice, &group_id).unwrap(), 1);
                assert_eq!(story.members(alice, &group_id).unwrap().len(), 4);
            });
        }
    }
}
