//! A client without KeyPackages at the server is added with the one of last resort, and recovers.

use crate::fixture::{group_of, run, settle};

#[test]
fn an_exhausted_client_is_added_and_recovers() {
    run(async |mut story| {
        let bob = [story.device("bob/laptop").unwrap(), story.device("bob/phone").unwrap()];
        for device in bob {
            story.switch_off(device);
        }
        let mut groups = Vec::new();
        // There are four KeyPackages of each device.
        for _ in 0..7 {
            groups.push(group_of(&mut story, "alice/laptop", &["bob"]).await);
        }
        for device in bob {
            story.switch_on(device).unwrap();
        }
        settle(&mut story).await;
        for device in bob {
            assert_eq!(story.groups(device).len(), 7, "{}", story.text());
        }
        settle(&mut story).await;
        let alice = story.device("alice/laptop").unwrap();
        // Both devices renew the keys of their last resort, which several groups have seen.
        let epochs: Vec<_> = groups.iter().map(|group_id| story.epoch(alice, group_id).unwrap()).collect();
        assert_eq!(epochs, [1, 1, 1, 1, 3, 3, 3]);
    });
}
