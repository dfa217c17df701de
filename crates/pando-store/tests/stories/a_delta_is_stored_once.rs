//! What was made of an older state is refused: after another has written, after a transaction that failed, and for
//! a group that is there already.

use crate::people::{Device, group_of, resync, rng, tea};
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
            |group, client, rng| group.encrypt(b"lost", client, rng),
            // The application cannot write its own.
            |_, _| Err(StoreError::Busy),
        )
        .unwrap_err();
    assert_eq!(alice.stored(), before);
    // The changes return to the group, and are stored with those of the next operation.
    let message = alice.send(b"hello").unwrap();
    assert_eq!(alice.stored(), alice.group().rows().unwrap());
    alice.reload().unwrap();
    let again = alice.send(b"hello again").unwrap();
    for (message, data) in [(message, b"hello".as_slice()), (again, b"hello again")] {
        assert_eq!(devices[1].receive(&message).unwrap().unwrap(), data);
    }
}

#[test]
fn after_a_transaction_that_was_undone() {
    for_each_store!(undone);
}

/// A transaction was committed and its reply lost. The result is stored again, and the application's rows are not.
fn committed_and_not_known(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let alice = &mut devices[0];
    let (mut group, lock) = alice.group.take().unwrap();
    let psks = &alice.store;
    let encrypted = group.encrypt(b"hello", &alice.client(psks), &mut rng(1)).unwrap();
    let calls = std::cell::Cell::new(0);
    let failed = encrypted.persist(|delta, _| {
        let mut transaction = alice.store.begin()?;
        transaction.apply(&lock, delta)?;
        transaction.commit()?;
        Err::<(), _>(StoreError::Busy)
    });
    let again = *failed.unwrap_err().unpersisted;
    let also = |_: &mut pando_store::Transaction<'_, _>, _: &_| {
        calls.set(calls.get() + 1);
        Ok::<_, StoreError>(())
    };
    let message = alice.store.persist(&lock, again, also).unwrap();
    assert_eq!(calls.get(), 0);
    // Rows of the application alone are written.
    let also = |_: &mut pando_store::Transaction<'_, _>, (): &_| {
        calls.set(calls.get() + 1);
        Ok::<_, StoreError>(())
    };
    alice.store.persist(&lock, group.take_delta(), also).unwrap();
    assert_eq!(calls.get(), 1);
    assert_eq!(devices[1].receive(&message).unwrap().unwrap(), b"hello");
}

#[test]
fn a_reply_is_lost() {
    for_each_store!(committed_and_not_known);
}

/// A Delta that was taken from its result does not return, and what follows it is refused.
fn taken(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let alice = &mut devices[0];
    let before = alice.stored();
    let (mut group, lock) = alice.group.take().unwrap();
    let psks = &alice.store;
    drop(group.encrypt(b"lost", &alice.client(psks), &mut rng(1)).unwrap().into_parts());
    alice.group = Some((group, lock));
    assert!(matches!(alice.send(b"stale"), Err(StoreError::Stale)));
    assert!(matches!(alice.send(b"stale"), Err(StoreError::Stale)));
    assert_eq!(alice.stored(), before);
    alice.reload().unwrap();
    let message = alice.send(b"hello").unwrap();
    assert_eq!(devices[1].receive(&message).unwrap().unwrap(), b"hello");
}

#[test]
fn after_a_delta_that_was_taken_and_dropped() {
    for_each_store!(taken);
}

fn behind(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let alice = &mut devices[0];
    // A state is kept while its lock is given away: it is behind as soon as anybody has written.
    let (mut old, lock) = alice.group.take().unwrap();
    drop(lock);
    alice.reload().unwrap();
    alice.send(b"by another").unwrap();
    let position = alice.group().position();
    alice.group = None;
    let lock = alice.store.lock(&tea(), Duration::ZERO).unwrap();
    let delta = {
        let psks = &alice.store;
        old.encrypt(b"old", &alice.client(psks), &mut rng(1)).unwrap().into_parts().1
    };
    let mut transaction = alice.store.begin().unwrap();
    // It was made of an older state.
    assert!(matches!(transaction.apply(&lock, &delta), Err(StoreError::Stale)));
    drop(transaction);
    assert_eq!(alice.store.stored_group(&tea()).unwrap().unwrap().position, position);
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
    assert!(matches!(alice.create(&tea()), Err(StoreError::Occupied)));
    alice.reload().unwrap();
    assert_eq!(alice.stored(), rows);
}

#[test]
fn a_group_that_is_there_is_not_made_again() {
    for_each_store!(there_already);
}

/// Whoever still has the group in memory cannot store a part of it.
fn deleted(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let alice = &mut devices[0];
    let (mut group, mut lock) = alice.group.take().unwrap();
    let mut transaction = alice.store.begin().unwrap();
    transaction.delete_group(&lock).unwrap();
    transaction.commit().unwrap();
    for _ in 0..2 {
        let delta = {
            let psks = &alice.store;
            group.encrypt(b"late", &alice.client(psks), &mut rng(1)).unwrap().into_parts().1
        };
        let mut transaction = alice.store.begin().unwrap();
        assert!(matches!(transaction.apply(&lock, &delta), Err(StoreError::Stale)));
        drop(transaction);
        // Nor under another lock.
        drop(lock);
        lock = alice.store.lock(&tea(), Duration::ZERO).unwrap();
    }
    drop(lock);
    assert_eq!(alice.store.groups().unwrap(), []);
    // One that is made anew is stored.
    alice.create(&tea()).unwrap();
    alice.send(b"hello").unwrap();
}

#[test]
fn a_group_that_was_deleted() {
    for_each_store!(deleted);
}

/// Somebody comes back by an external Commit, with the lock of what it had before.
fn comes_back(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let (first, second) = devices.split_at_mut(1);
    let (alice, bob) = (&mut first[0], &mut second[0]);
    // What is to be gone: a proposal, a Commit that is pending, keys of past epochs.
    for _ in 0..2 {
        let (commit, _) = alice.commit(|builder| builder).unwrap();
        alice.receive(&commit).unwrap();
        bob.receive(&commit).unwrap();
    }
    bob.propose_update().unwrap();
    bob.commit(|builder| builder).unwrap();
    let joining = resync(alice, bob, 9);
    let (_, lock) = bob.group.take().unwrap();
    let (mut group, commit) = bob.store.persist(&lock, joining, |_, _| Ok::<_, StoreError>(())).unwrap();
    let accepted = group.merge_pending().unwrap();
    bob.store.persist(&lock, accepted, |_, ()| Ok::<_, StoreError>(())).unwrap();
    bob.group = Some((group, lock));
    assert_eq!(bob.stored(), bob.group().rows().unwrap());
    alice.receive(&commit).unwrap();
    bob.reload().unwrap();
    let message = bob.send(b"here I am").unwrap();
    assert_eq!(alice.receive(&message).unwrap().unwrap(), b"here I am");
}

#[test]
fn who_comes_back_has_nothing_of_the_time_before() {
    for_each_store!(comes_back);
}

fn of_another(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let (first, second) = devices.split_at_mut(1);
    let (group, lock) = first[0].group.as_mut().unwrap();
    let Group { .. } = group;
    assert!(matches!(second[0].store.load(lock).map(drop), Err(StoreError::Misuse(Misuse::OtherStore))));
    let mut transaction = second[0].store.begin().unwrap();
    let delta = group.take_delta();
    let refused = transaction.apply(lock, delta.delta());
    assert!(matches!(refused, Err(StoreError::Misuse(Misuse::OtherStore))));
}

#[test]
fn a_lock_of_another_store() {
    for_each_store!(of_another);
}
