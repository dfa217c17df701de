//! A leave is requested once, one of the others commits it, and nobody is kept from sending.

use crate::fixture::{count, group_of, received, run, settle};
use pando_client::Event;
use pando_simulation::Deed;

#[test]
fn one_of_the_others_commits_a_leave_at_once_if_it_has_to_send() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["alice", "bob", "carol"]).await;
        let leaver = story.device("carol/phone").unwrap();
        story.act(leaver, &group_id, &Deed::Leave).unwrap();
        story.work(leaver, 1).await.unwrap();
        let others = ["alice/laptop", "alice/phone", "bob/laptop", "bob/phone", "carol/laptop"];
        for name in others {
            let device = story.device(name).unwrap();
            story.act(device, &group_id, &Deed::Send(name.to_owned())).unwrap();
        }
        settle(&mut story).await;
        for name in others {
            let device = story.device(name).unwrap();
            assert_eq!(received(&story, device), 4, "{name}");
            assert_eq!(story.epoch(device, &group_id).unwrap(), 2, "there is one Commit");
        }
        assert_eq!(count(&story, leaver, |event| *event == Event::RemovedUs), 1);
    });
}

#[test]
fn all_but_the_last_admin_leave_at_once() {
    run(async |mut story| {
        let group_id = group_of(&mut story, "alice/laptop", &["bob", "carol", "dave"]).await;
        let names = ["bob/laptop", "bob/phone", "carol/laptop", "carol/phone", "dave/laptop", "dave/phone"];
        for name in names {
            let device = story.device(name).unwrap();
            story.act(device, &group_id, &Deed::Leave).unwrap();
        }
        settle(&mut story).await;
        let alice = story.device("alice/laptop").unwrap();
        assert_eq!(story.members(alice, &group_id).unwrap().len(), 1);
    });
}
