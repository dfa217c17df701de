//! The inbox.

use crate::fixture::{DAY, NOW, World};
use pando_api::{ClientId, UserId};
use pando_delivery::account::inbox::{InboxPointer, WelcomePointer, deliver, read, remove};
use pando_mls::GroupId;

fn user() -> UserId {
    "alice@example.org".parse().unwrap()
}

fn client(device: &str) -> ClientId {
    format!("alice@example.org/{device}").parse().unwrap()
}

fn pointer(group: &str, group_seq: u64, expires: u64) -> WelcomePointer {
    WelcomePointer { group_id: GroupId::from(group), group_seq, expires }
}

impl World {
    fn deliver(&self, device: &str, pointer: &WelcomePointer) -> bool {
        let (client, pointer) = (client(device), pointer.clone());
        self.write(&user(), move |rows, now| deliver(rows, &client, &pointer, now)).unwrap()
    }

    fn inbox(&self, device: &str, after: u64, limit: usize) -> Vec<InboxPointer> {
        let client = client(device);
        self.read(&user(), move |rows, now| read(rows, &client, (after, limit), now)).unwrap()
    }

    fn remove(&self, device: &str, seq: u64) {
        let client = client(device);
        self.write(&user(), move |rows, _| remove(rows, &client, seq)).unwrap();
    }
}

#[test]
fn a_delivery_can_be_repeated() {
    let world = World::new();
    let first = pointer("a group of 16 bytes", 2, NOW + DAY);
    assert!(world.deliver("phone", &first));
    assert!(!world.deliver("phone", &first));
    // Another expiry is not another delivery.
    assert!(!world.deliver("phone", &pointer("a group of 16 bytes", 2, NOW + 2 * DAY)));
    let others =
        [pointer("a group of 16 bytes", 3, NOW + DAY), pointer("another group of 22 bytes", 2, NOW + DAY)];
    for other in &others {
        assert!(world.deliver("phone", other));
    }
    assert!(world.deliver("laptop", &first));
    let entries = world.inbox("phone", 0, 10);
    assert!(entries.is_sorted_by_key(|entry| entry.seq));
    let pointers: Vec<_> = entries.into_iter().map(|entry| entry.pointer).collect();
    assert_eq!(pointers, [first, others[0].clone(), others[1].clone()]);
    assert_eq!(world.inbox("laptop", 0, 10).len(), 1);
    assert_eq!(world.inbox("pho", 0, 10), []);
}

#[test]
fn an_inbox_is_read_in_pages() {
    let world = World::new();
    let all: Vec<_> = (1..=250).map(|seq| pointer("a group of 16 bytes", seq, NOW + DAY)).collect();
    all.iter().for_each(|pointer| assert!(world.deliver("phone", pointer)));
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = world.inbox("phone", after, 70);
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 70 && page[0].seq > after);
        after = last.seq;
        found.extend(page.into_iter().map(|entry| entry.pointer));
    }
    assert_eq!(found, all);
    assert_eq!(world.inbox("phone", 0, 1_000).len(), 250);
    assert_eq!(world.inbox("phone", u64::MAX, 10), []);
    assert_eq!(world.inbox("phone", 0, 0), []);
}

#[test]
fn a_repeated_delivery_does_not_bring_back_a_removed_entry() {
    let mut world = World::new();
    let first = pointer("a group of 16 bytes", 2, NOW + DAY);
    world.deliver("phone", &first);
    let seq = world.inbox("phone", 0, 10)[0].seq;
    world.remove("laptop", seq);
    assert_eq!(world.inbox("phone", 0, 10).len(), 1, "the entry of another client");
    world.remove("phone", seq);
    world.remove("phone", seq);
    assert!(!world.deliver("phone", &first));
    assert_eq!(world.inbox("phone", 0, 10), []);
    // Neither after the entry has expired, whether or not its row is deleted already.
    world.now = NOW + DAY;
    assert!(!world.deliver("phone", &first));
    world.expire(&user(), 100);
    assert!(!world.deliver("phone", &first));
    assert_eq!(world.inbox("phone", 0, 10), []);
    // The sequence numbers rise all the same.
    assert!(world.deliver("phone", &pointer("a group of 16 bytes", 9, NOW + 2 * DAY)));
    assert!(world.inbox("phone", 0, 10)[0].seq > seq);
}

#[test]
fn sequence_numbers_rise_after_a_restore_and_when_the_clock_is_set_back() {
    let mut world = World::new();
    world.deliver("phone", &pointer("a group of 16 bytes", 1, NOW + DAY));
    let first = world.inbox("phone", 0, 10)[0].seq;
    world.now = NOW - DAY;
    world.deliver("phone", &pointer("a group of 16 bytes", 2, NOW + DAY));
    assert_eq!(world.inbox("phone", first, 10).len(), 1);
    // The backup knows nothing of the entries.
    let mut restored = World::new();
    restored.now = NOW + 1_000;
    restored.deliver("phone", &pointer("a group of 16 bytes", 3, NOW + DAY));
    assert_eq!(restored.inbox("phone", first, 10).len(), 1);
}

#[test]
fn an_expired_entry_is_not_served() {
    let mut world = World::new();
    world.deliver("phone", &pointer("a group of 16 bytes", 1, NOW + 1));
    world.deliver("phone", &pointer("a group of 16 bytes", 2, NOW + 2));
    world.now = NOW + 1;
    let entries = world.inbox("phone", 0, 1);
    assert_eq!(entries.iter().map(|entry| entry.pointer.group_seq).collect::<Vec<_>>(), [2]);
    world.now = NOW + 2;
    world.expire(&user(), 100);
    assert_eq!(world.rows(&user()).len(), 1, "the last sequence number");
}
