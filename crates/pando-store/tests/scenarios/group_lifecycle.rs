//! Three clients exchange messages, update their keys and restart after every step. The store
//! contains exactly the rows of the group.

use crate::fixtures::{Device, agree, group_of, tea};
use crate::{Place, for_each_store};
use pando_mls::wire::NodeIndex;
use pando_mls::{EpochRow, GroupId, RowKey, SecretBytes, TreeKey};

fn story(place: &impl Place) {
    let open = |name: &str| place.open(name);
    let mut devices = group_of(vec![open("a"), open("b"), open("c")]);
    for step in 0..6 {
        let by = step % 3;
        let message = devices[by].send(b"hello").unwrap();
        let update = (step % 2 == 0).then(|| devices[by].propose_update().unwrap());
        let mut messages = vec![message];
        messages.extend(update);
        for message in &messages {
            for at in (0..3).filter(|at| *at != by) {
                devices[at].receive(message).unwrap();
                devices[at].reload().unwrap();
            }
        }
        let committer = (by + 1) % 3;
        let (commit, _) = devices[committer].commit(|builder| builder).unwrap();
        devices[committer].reload().unwrap();
        for device in &mut devices {
            device.receive(&commit).unwrap();
            device.reload().unwrap();
            let rows = device.group().rows().unwrap();
            assert_eq!(device.stored(), rows);
        }
        agree(&devices);
    }
    // After the store is opened again, it contains all rows, and reading single rows returns the
    // same contents.
    drop(devices.remove(1));
    let mut again = Device::new("member 1", place.open("b"), 9).unwrap();
    let rows = again.stored();
    for (key, row) in &rows {
        assert_eq!(again.store.row(&tea(), *key).unwrap().as_ref(), Some(row));
    }
    assert_eq!(again.store.row(&tea(), RowKey::Proposal(0)).unwrap(), None);
    for (from, to) in [
        (RowKey::Public, RowKey::Member),
        (RowKey::Tree(TreeKey::Node(NodeIndex(0))), RowKey::Tree(TreeKey::Node(NodeIndex(u32::MAX)))),
        (RowKey::Epoch(1, EpochRow::Past), RowKey::Epoch(u64::MAX, EpochRow::Past)),
        (RowKey::Tree(TreeKey::Node(NodeIndex(1))), RowKey::Tree(TreeKey::Node(NodeIndex(1)))),
    ] {
        let expected: Vec<_> = rows.range(from..=to).collect();
        let found = again.store.rows(&tea(), from..=to).unwrap();
        assert!(!expected.is_empty());
        assert_eq!(found.iter().collect::<Vec<(&RowKey, &SecretBytes)>>(), expected);
    }
}

#[test]
fn what_is_stored_is_the_group() {
    for_each_store!(story);
}

fn several(place: &impl Place) {
    let mut store = place.open("a");
    assert_eq!(store.groups().unwrap(), []);
    for id in ["tea", "coffee", "te"] {
        let mut device = Device::new("alice", store, 1).unwrap();
        device.group = None;
        device.create(&GroupId::from(id.as_bytes())).unwrap();
        store = device.store;
    }
    let ids = ["coffee", "te", "tea"].map(|id| GroupId::from(id.as_bytes()));
    assert_eq!(store.groups().unwrap(), ids);
    assert!(store.is_in_group(&tea()).unwrap() && !store.is_in_group(&GroupId::from("t")).unwrap());
    // One group is deleted, and the others stay unchanged.
    let lock = store.lock(&tea(), std::time::Duration::ZERO).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.delete_group(&lock).unwrap();
    transaction.commit().unwrap();
    assert_eq!(store.load(&lock).unwrap(), None);
    assert_eq!(store.groups().unwrap(), ids[..2]);
    assert!(!store.contains(&tea()).unwrap());
    let all = RowKey::Public..=RowKey::State;
    assert!(store.rows(&tea(), all.clone()).unwrap().is_empty());
    assert!(store.rows(&ids[1], all).unwrap().len() > 4);
    assert_eq!(store.stored_group(&ids[1]).unwrap().unwrap().context.group_id, ids[1]);
    assert!(store.stored_group(&tea()).unwrap().is_none());
}

#[test]
fn groups_do_not_mix() {
    for_each_store!(several);
}
