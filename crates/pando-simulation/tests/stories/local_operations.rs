//! One device starts many operations on a group at once.

use crate::fixture::{client, group_of, received, run, settle, user};
use pando_simulation::Deed;

#[test]
fn sixty_four_operations_of_one_device_follow_each_other() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob"]).await;
        let alice = story.device("alice/laptop").unwrap();
        for round in 0..8 {
            let deeds = [
                Deed::Update,
                Deed::Send(format!("{round}a")),
                Deed::Add(user("carol")),
                Deed::Send(format!("{round}b")),
                Deed::SetPolicy(vec![user("alice"), user("bob")]),
                Deed::Remove(client("carol/phone")),
                Deed::Send(format!("{round}c")),
                Deed::Update,
            ];
            for deed in deeds {
                story.act(alice, &group_id, &deed).unwrap();
            }
            // Another device gets in the way.
            let phone = story.device("alice/phone").unwrap();
            story.act(phone, &group_id, &Deed::Update).unwrap();
        }
        settle(&mut story).await;
        let bob = story.device("bob/laptop").unwrap();
        assert_eq!(received(&story, bob), 24);
        assert_eq!(story.members(bob, &group_id).unwrap().len(), 5);
    });
}
