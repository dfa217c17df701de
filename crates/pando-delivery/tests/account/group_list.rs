//! The list of a user's groups.

use crate::fixture::World;
use pando_api::{ClientId, UserId};
use pando_delivery::account::group_list::{GroupPage, Membership, list, set_membership};
use pando_mls::GroupId;

fn user() -> UserId {
    "alice@example.org".parse().unwrap()
}

impl World {
    fn set(&self, group: &GroupId, device: &str, seq: u64, is_member: bool) {
        let client: ClientId = format!("alice@example.org/{device}").parse().unwrap();
        let (group, membership) = (group.clone(), Membership { seq, is_member });
        self.write(&user(), move |rows, _| set_membership(rows, &group, &client, membership)).unwrap();
    }

    fn page(&self, after: Option<&GroupId>, limit: usize) -> GroupPage {
        let after = after.cloned();
        self.read(&user(), move |rows, _| list(rows, after.as_ref(), limit)).unwrap()
    }

    /// Returns the groups with the devices that are members.
    fn groups(&self) -> Vec<(GroupId, Vec<String>)> {
        let page = self.page(None, usize::MAX);
        assert!(!page.has_more);
        let devices = |clients: Vec<ClientId>| clients.iter().map(|c| c.device().to_string()).collect();
        page.groups.into_iter().map(|group| (group.group_id, devices(group.clients))).collect()
    }
}

#[test]
fn the_latest_change_of_a_membership_decides() {
    let world = World::new();
    let group = GroupId::from("a group of 16 bytes");
    let is_member = || !world.groups().is_empty();
    let changes = [(3, true), (5, false), (8, true), (9, false)];
    for (seq, state) in changes {
        world.set(&group, "phone", seq, state);
        assert_eq!(is_member(), state);
        // Copies of this change and of all earlier ones change nothing.
        for (earlier, state_then) in changes.into_iter().filter(|change| change.0 <= seq) {
            world.set(&group, "phone", earlier, state_then);
            assert_eq!(is_member(), state, "{earlier} after {seq}");
        }
        world.set(&group, "phone", seq - 1, !state);
        world.set(&group, "phone", seq, !state);
        assert_eq!(is_member(), state, "the sequence number is not later");
    }
}

#[test]
fn changes_arrive_in_any_order() {
    let changes = [(3, true), (5, false), (8, true)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (world, group) = (World::new(), GroupId::from("a group of 16 bytes"));
        for change in order {
            let (seq, is_member) = changes[change];
            world.set(&group, "phone", seq, is_member);
        }
        assert_eq!(world.groups(), [(group, vec!["phone".to_owned()])]);
    }
}

#[test]
fn the_members_of_each_group_are_listed() {
    let world = World::new();
    // The identifiers begin with each other, and contain zeros.
    let ids = [vec![0; 16], vec![0; 17], vec![u8::MAX; 16], vec![u8::MAX; 64]].map(GroupId::from);
    for group in &ids {
        world.set(group, "phone", 1, true);
        world.set(group, "laptop", 2, true);
    }
    world.set(&ids[1], "phone", 3, false);
    world.set(&ids[2], "phone", 3, false);
    world.set(&ids[2], "laptop", 4, false);
    let expected: [(GroupId, &[&str]); 3] = [
        (ids[0].clone(), &["laptop", "phone"]),
        (ids[1].clone(), &["laptop"]),
        (ids[3].clone(), &["laptop", "phone"]),
    ];
    let mut groups = world.groups();
    groups.sort();
    let mut expected = expected.map(|(id, devices)| (id, devices.iter().map(ToString::to_string).collect()));
    expected.sort();
    assert_eq!(groups, expected);
}

#[test]
fn the_list_is_read_in_pages_of_whole_groups() {
    let world = World::new();
    for number in 0..30_u8 {
        let group = GroupId::from(vec![number; 16 + usize::from(number % 3)]);
        for device in 0..7 {
            world.set(&group, &device.to_string(), 1, true);
        }
    }
    let all = world.page(None, usize::MAX);
    assert_eq!(all.groups.len(), 30);
    for limit in [1, 7, 29, 30, 31] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.page(after.as_ref(), limit);
            assert!(page.groups.len() <= limit);
            found.extend(page.groups);
            assert_eq!(page.has_more, found.len() < 30);
            if !page.has_more {
                break;
            }
            after = found.last().map(|group| group.group_id.clone());
        }
        assert_eq!(found, all.groups);
    }
}
