//! External pre-shared keys are in the store, and so are the resumption PSKs of its groups.

use crate::people::{agree, group_of, tea};
use crate::{Place, for_each_store};
use pando_mls::{Psk, PskStore, PskValue};

fn external(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    for device in &mut devices {
        let mut transaction = device.store.begin().unwrap();
        transaction.put_psk(b"first", &PskValue::from(vec![1; 32])).unwrap();
        transaction.put_psk(b"second", &PskValue::from(vec![2; 32])).unwrap();
        transaction.put_psk(b"first", &PskValue::from(vec![3; 16])).unwrap();
        transaction.remove_psk(b"second").unwrap();
        transaction.commit().unwrap();
        assert_eq!(device.store.psk_ids().unwrap(), [b"first".as_slice().into()]);
        assert_eq!(device.store.psk(b"first").unwrap().unwrap().expose(), [3; 16]);
    }
    let psk = Psk::External { psk_id: b"first".as_slice().into() };
    let (commit, _) = devices[0].commit(|builder| builder.psk(psk)).unwrap();
    devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    agree(&devices);
}

#[test]
fn a_commit_mixes_in_what_is_stored() {
    for_each_store!(external);
}

fn resumption(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    for _ in 0..3 {
        let (commit, _) = devices[0].commit(|builder| builder).unwrap();
        devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    }
    let (store, group) = (&devices[1].store, devices[1].group());
    let psks = store.psks();
    for epoch in 0..=group.epoch() + 1 {
        assert_eq!(psks.resumption(&tea(), epoch), group.resumption_psk(epoch), "{epoch}");
    }
    assert!(psks.resumption(&tea(), group.epoch()).is_some());
    assert!(psks.resumption(&tea(), 1).is_some_and(|psk| psks.resumption(&tea(), 2) != Some(psk)));
    assert_eq!(psks.resumption(&b"coffee".as_slice().into(), 1), None);
    assert!(psks.take_error().is_none());
}

#[test]
fn resumption_psks_are_those_of_the_groups() {
    for_each_store!(resumption);
}
