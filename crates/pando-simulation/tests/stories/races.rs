//! All devices commit at the same time.

use crate::fixture::{done, group_of, received, run, settle};
use pando_simulation::Deed;

#[test]
fn eight_committers_race_for_eight_rounds() {
    run(async |mut story| {
        let users = ["alice", "bob", "carol", "dave"];
        let group_id = group_of(&mut story, "alice/laptop", &users).await;
        for _ in 0..8 {
            for device in 0..8 {
                story.act(device, &group_id, &Deed::Update).unwrap();
                story.act(device, &group_id, &Deed::Send("hello".to_owned())).unwrap();
            }
            settle(&mut story).await;
        }
        let creator = story.device("alice/laptop").unwrap();
        for device in 0..8 {
            assert_eq!(story.epoch(device, &group_id).unwrap(), 65, "64 updates after the creation");
            assert_eq!(received(&story, device), 56);
            assert_eq!(done(&story, device), 8 + usize::from(device == creator));
        }
    });
}
