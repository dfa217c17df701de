//! Changes based on an older state are refused: after another client's write, after a failed
//! transaction, and for a group that already exists.

use crate::fixtures::{Device, group_of, resync, rng, tea};
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
            |group, cx, rng| group.encrypt(b"lost", cx, rng),
            // The application fails to write its own rows.
            |_, _| Err(StoreError::Busy),
        )
        .unwrap_err();
    assert_eq!(alice.stored(), before);
    // The changes return to the group, and are stored with the changes of the next operation.
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

/// If a transaction is committed but its reply is lost, the result is stored again. The
/// application's rows are not written a second time.
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
    // If an operation has not changed the group, the application's rows are still written.
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

/// A Delta that was separated from its result does not return to the group, and subsequent Deltas
/// are refused.
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
    // Keep a group in memory without its lock. This group is outdated after any other write.
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
    // The Delta is based on an older state.
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

/// A client that still has the deleted group in memory cannot store a part of it.
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
        // The Delta is also refused with a new lock.
        drop(lock);
        lock = alice.store.lock(&tea(), Duration::ZERO).unwrap();
    }
    drop(lock);
    assert_eq!(alice.store.groups().unwrap(), []);
    // A newly created group is stored.
    alice.create(&tea()).unwrap();
    alice.send(b"hello").unwrap();
}

#[test]
fn a_group_that_was_deleted() {
    for_each_store!(deleted);
}

/// A member rejoins with an external Commit, with the lock of its former group.
fn comes_back(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let (first, second) = devices.split_at_mut(1);
    let (alice, bob) = (&mut first[0], &mut second[0]);
    // The former group has state that must disappear: a proposal, a pending Commit, and keys of
    // past epochs.
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
