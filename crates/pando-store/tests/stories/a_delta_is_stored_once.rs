//! What was made of an older state is refused: after another has written, after a transaction that failed, and for
//! a group that is there already.

use crate::people::{Device, group_of, tea};
use crate::{Place, for_each_store};
use pando_mls::Group;
use pando_store::{Misuse, StoreError};
use std::time::Duration;

fn undone(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let alice = &mut devices[0];
    let before = alice.stored();
    alice
        .operate(
            |group, client, rng| {
                let (message, delta) = group.encrypt(b"lost", b"", client, rng)?;
                Ok((message, vec![delta]))
            },
            // The application cannot write its own.
            |_, _| Err(StoreError::Busy),
        )
        .unwrap_err();
    // The group in memory is ahead of what is stored. It is of no use any more.
    assert!(matches!(alice.send(b"stale"), Err(StoreError::Stale)));
    assert!(matches!(alice.send(b"stale"), Err(StoreError::Stale)));
    assert_eq!(alice.stored(), before);
    alice.reload().unwrap();
    let message = alice.send(b"hello").unwrap();
    assert_eq!(devices[1].receive(&message).unwrap().unwrap(), b"hello");
}

#[test]
fn after_a_transaction_that_was_undone() {
    for_each_store!(undone);
}

fn behind(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let alice = &mut devices[0];
    // A state is kept while its lock is given away: it is behind as soon as anybody has written.
    let (mut old, lock) = alice.group.take().unwrap();
    drop(lock);
    alice.reload().unwrap();
    alice.send(b"by another").unwrap();
    let version = alice.group.as_ref().unwrap().1.version();
    alice.group = None;
    let mut lock = alice.store.lock(&tea(), Duration::ZERO).unwrap();
    let delta = {
        let psks = alice.store.psks();
        old.encrypt(b"old", b"", &alice.client(&psks), &mut crate::people::rng(1)).unwrap().1
    };
    let mut transaction = alice.store.begin().unwrap();
    // It was not loaded under this lock at all.
    assert!(matches!(transaction.apply(&mut lock, &delta), Err(StoreError::Stale)));
    drop(transaction);
    assert!(alice.store.renew(&mut lock).unwrap());
    assert_eq!(lock.version(), version);
}

#[test]
fn a_state_from_before_the_lock() {
    for_each_store!(behind);
}

fn there_already(place: &impl Place) {
    let mut alice = Device::new("alice", place.open("a"), 1).unwrap();
    alice.create(&tea()).unwrap();
    let rows = alice.stored();
    alice.group = None;
    assert!(matches!(alice.create(&tea()), Err(StoreError::Stale)));
    alice.reload().unwrap();
    assert_eq!(alice.stored(), rows);
}

#[test]
fn a_group_that_is_there_is_not_made_again() {
    for_each_store!(there_already);
}

fn of_another(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let (first, second) = devices.split_at_mut(1);
    let (group, lock) = first[0].group.as_mut().unwrap();
    let Group { .. } = group;
    assert!(matches!(second[0].store.renew(lock), Err(StoreError::Misuse(Misuse::OtherStore))));
    let mut transaction = second[0].store.begin().unwrap();
    let delta = group.take_delta();
    let refused = transaction.apply(lock, &delta);
    assert!(matches!(refused, Err(StoreError::Misuse(Misuse::OtherStore))));
}

#[test]
fn a_lock_of_another_store() {
    for_each_store!(of_another);
}
