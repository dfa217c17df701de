//! A removed client is not in the group, although the group is still stored, and it can be invited
//! again. No part of the client's former state remains.

use crate::fixtures::{agree, group_of, suite, tea};
use crate::{Place, for_each_store};
use pando_mls::{Extensions, Group, LeafIndex, ProtocolVersion, ReInit, RowKey};

fn story(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b"), place.open("c")]);
    for step in 0..3 {
        let (commit, _) = devices[step].commit(|builder| builder).unwrap();
        devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    }
    let (commit, _) = devices[0].commit(|builder| builder.remove(LeafIndex(1))).unwrap();
    assert!(devices[1].store.is_in_group(&tea()).unwrap());
    devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    assert!(devices[0].store.is_in_group(&tea()).unwrap() && devices[2].store.is_in_group(&tea()).unwrap());
    let mut gone = devices.remove(1);
    gone.reload().unwrap();
    assert!(!gone.store.is_in_group(&tea()).unwrap() && gone.store.contains(&tea()).unwrap());

    let added = gone.publish(false).unwrap();
    let (commit, welcome) = devices[0].commit(|builder| builder.add(added)).unwrap();
    devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    let welcome = welcome.unwrap();
    let (old, lock) = gone.group.take().unwrap();
    assert!(!old.is_active());
    let stored = gone.store.key_package_for(&welcome).unwrap().unwrap();
    let joined = {
        let psks = &gone.store;
        let cx = gone.client(psks).with_groups(psks);
        Group::join(&welcome, &stored.bundle, None, &cx)
    };
    let (group, delta) = joined.unwrap().into_parts();
    let mut transaction = gone.store.begin().unwrap();
    transaction.apply(&lock, &delta).unwrap();
    transaction.use_key_package(&lock, &stored.reference, pando_store::OldWelcome::Refuse).unwrap();
    transaction.commit().unwrap();
    let rows = group.rows().unwrap();
    gone.group = Some((group, lock));
    assert_eq!(gone.stored(), rows);
    assert!(!rows.keys().any(|key| matches!(key, RowKey::ResumptionPsk(_))));
    assert!(gone.store.is_in_group(&tea()).unwrap());
    devices.push(gone);
    agree(&devices);

    // The client is still in a reinitialized group.
    let reinit = ReInit {
        group_id: b"more tea".as_slice().into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite().cipher_suite(),
        extensions: Extensions::default(),
    };
    let (commit, _) = devices[0].commit(|builder| builder.reinit(reinit)).unwrap();
    for device in &mut devices {
        device.receive(&commit).unwrap();
        assert!(!device.group().is_active() && device.store.is_in_group(&tea()).unwrap());
    }
}

#[test]
fn who_was_removed_comes_back() {
    for_each_store!(story);
}
