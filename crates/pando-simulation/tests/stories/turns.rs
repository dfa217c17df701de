//! Only one device is on at any time.

use crate::fixture::{count, received, run, settle, user};
use pando_client::Event;
use pando_mls::GroupId;
use pando_simulation::{Deed, Script};

/// Switches a device on, lets it act and work, and switches it off.
async fn turn(story: &mut Script<'_>, name: &str, group_id: &GroupId, deeds: &[Deed]) {
    let device = story.device(name).unwrap();
    story.switch_on(device).unwrap();
    // The device first learns what the others have done.
    story.work(device, 10).await.unwrap();
    for deed in deeds {
        story.act(device, group_id, deed).unwrap();
    }
    story.work(device, 30).await.unwrap();
    story.switch_off(device);
}

#[test]
fn create_add_send_join_and_leave_work_in_turns() {
    run(async |mut story| {
        for device in 0..8 {
            story.switch_off(device);
        }
        let alice = story.device("alice/laptop").unwrap();
        story.switch_on(alice).unwrap();
        let group_id = story.create(alice, &["bob"]).unwrap().unwrap();
        story.work(alice, 20).await.unwrap();
        story.switch_off(alice);

        let say = |text: &str| Deed::Send(text.to_owned());
        let story_line = [
            ("bob/laptop", vec![say("one"), Deed::Add(user("dave"))]),
            ("dave/laptop", vec![say("two"), Deed::Update]),
            ("alice/phone", vec![Deed::Join]),
            ("alice/phone", vec![say("three")]),
            ("dave/laptop", vec![Deed::Leave]),
            ("bob/phone", vec![say("four")]),
            ("alice/laptop", vec![say("five")]),
            ("dave/phone", vec![say("six")]),
            ("dave/laptop", vec![]),
        ];
        for (name, deeds) in story_line {
            turn(&mut story, name, &group_id, &deeds).await;
        }
        for device in 0..8 {
            story.switch_on(device).unwrap();
        }
        settle(&mut story).await;
        let leaver = story.device("dave/laptop").unwrap();
        assert_eq!(count(&story, leaver, |event| *event == Event::RemovedUs), 1, "{}", story.text());
        assert_eq!(received(&story, alice), 5);
        assert_eq!(story.members(alice, &group_id).unwrap().len(), 5);
    });
}
