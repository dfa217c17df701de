//! An external Commit is pending until it is accepted. In the meantime, the client keeps its old
//! group, and the external Commit may lose the race.

use crate::fixtures::{Device, agree, group_of, resync, rng, tea};
use crate::{Place, for_each_store};
use pando_mls::{Group, GroupError, GroupState, Misuse, MlsMessage, Processed};
use pando_store::{Backend, StoreError};
use std::time::Duration;

/// Creates an external Commit that replaces Bob's leaf, and stores it. Bob then reloads his old
/// group.
fn store_join<B: Backend>(alice: &mut Device<B>, bob: &mut Device<B>, seed: u64) -> MlsMessage {
    let ((group, commit), delta) = resync(alice, bob, seed).into_parts();
    assert_eq!(group.state(), GroupState::Joining);
    let (_, lock) = bob.group.take().unwrap();
    let mut transaction = bob.store.begin().unwrap();
    transaction.apply(&lock, &delta).unwrap();
    // A client that does not know whether the Delta was stored stores it again.
    transaction.apply(&lock, &delta).unwrap();
    transaction.commit().unwrap();
    drop(lock);
    bob.reload().unwrap();
    assert_eq!(bob.store.joining().unwrap(), [tea()]);
    commit
}

/// Loads the instance of the external Commit.
fn joining<B: Backend>(bob: &mut Device<B>) -> Option<Group> {
    bob.group = None;
    let lock = bob.store.lock(&tea(), Duration::ZERO).unwrap();
    let rows = bob.store.load_joining(&lock).unwrap()?;
    let psks = &bob.store;
    let group = Group::load(&rows, &bob.client(psks)).unwrap();
    assert_eq!(group.rows().unwrap(), rows);
    Some(group)
}

fn talk<B: Backend>(alice: &mut Device<B>, bob: &mut Device<B>) {
    let (from_alice, from_bob) = (alice.send(b"from alice").unwrap(), bob.send(b"from bob").unwrap());
    assert_eq!(bob.receive(&from_alice).unwrap().unwrap(), b"from alice");
    assert_eq!(alice.receive(&from_bob).unwrap().unwrap(), b"from bob");
}

fn the_race_is_lost(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let (first, second) = devices.split_at_mut(1);
    let (alice, bob) = (&mut first[0], &mut second[0]);
    talk(alice, bob);
    store_join(alice, bob, 101);
    talk(alice, bob);
    // Another Commit is accepted instead.
    let (commit, _) = alice.commit(|builder| builder).unwrap();
    alice.receive(&commit).unwrap();
    bob.receive(&commit).unwrap();
    // A second external Commit replaces the first one.
    store_join(alice, bob, 102);
    let rows = bob.stored();
    let (group, lock) = bob.group.take().unwrap();
    let mut transaction = bob.store.begin().unwrap();
    transaction.abandon_join(&lock).unwrap();
    transaction.commit().unwrap();
    bob.group = Some((group, lock));
    assert_eq!(bob.stored(), rows);
    assert_eq!(bob.store.joining().unwrap(), []);
    assert!(joining(bob).is_none());
    bob.reload().unwrap();
    talk(alice, bob);
    talk(alice, bob);
    assert!(bob.store.verify(&pando_mls::RustCrypto, &pando_mls::BasicIdentities).unwrap().is_empty());
    agree(&devices);
}

#[test]
fn who_loses_the_race_goes_on_with_the_old_group() {
    for_each_store!(the_race_is_lost);
}

fn the_race_is_won(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let (first, second) = devices.split_at_mut(1);
    let (alice, bob) = (&mut first[0], &mut second[0]);
    talk(alice, bob);
    let commit = store_join(alice, bob, 101);
    // The reply of the delivery service is lost, and the client stops.
    alice.receive(&commit).unwrap();
    let early = alice.send(b"too early").unwrap();
    let mut group = joining(bob).unwrap();
    assert_eq!(group.pending_commit(), Some(&commit));
    let (delta, accepted) = {
        let psks = &bob.store;
        let cx = bob.client(psks);
        // No operation is possible before the Commit is accepted, and a refused message is not
        // lost.
        let waits = GroupError::Misuse(Misuse::JoinPending);
        assert_eq!(group.process(early.clone(), &cx).map(drop).unwrap_err(), waits);
        assert_eq!(group.encrypt(b"", &cx, &mut rng(103)).map(drop).unwrap_err(), waits);
        assert_eq!(group.export("label", b"", 32).unwrap_err(), waits);
        assert_eq!(group.epoch_authenticator(), None);
        let (processed, delta) = group.process(commit, &cx).unwrap().into_parts();
        assert!(matches!(processed, Processed::OwnCommit));
        (delta, group.merge_pending().unwrap().into_parts().1)
    };
    let lock = bob.store.lock(&tea(), Duration::ZERO).unwrap();
    let mut transaction = bob.store.begin().unwrap();
    transaction.apply(&lock, &delta).unwrap();
    transaction.apply(&lock, &accepted).unwrap();
    transaction.apply(&lock, &accepted).unwrap();
    transaction.commit().unwrap();
    drop(lock);
    assert_eq!(bob.store.joining().unwrap(), []);
    bob.reload().unwrap();
    assert_eq!(bob.group().instance(), group.instance());
    assert_eq!(bob.receive(&early).unwrap().unwrap(), b"too early");
    talk(alice, bob);
    assert!(bob.store.verify(&pando_mls::RustCrypto, &pando_mls::BasicIdentities).unwrap().is_empty());
    agree(&devices);
}

#[test]
fn who_wins_the_race_finds_out_after_a_restart() {
    for_each_store!(the_race_is_won);
}

/// Deltas of the old instance are stale once the new instance has replaced it.
fn instances_are_kept_apart(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let (first, second) = devices.split_at_mut(1);
    let (alice, bob) = (&mut first[0], &mut second[0]);
    let commit = store_join(alice, bob, 101);
    alice.receive(&commit).unwrap();
    let mut abandoned = joining(bob).unwrap();
    bob.reload().unwrap();
    let (mut old, lock) = bob.group.take().unwrap();
    let accepted = abandoned.merge_pending().unwrap().into_parts().1;
    let mut transaction = bob.store.begin().unwrap();
    transaction.apply(&lock, &accepted).unwrap();
    transaction.commit().unwrap();
    let late = {
        let psks = &bob.store;
        old.encrypt(b"of the old instance", &bob.client(psks), &mut rng(104)).unwrap().into_parts().1
    };
    let mut transaction = bob.store.begin().unwrap();
    assert!(matches!(transaction.apply(&lock, &late), Err(StoreError::Stale)));
}

#[test]
fn an_instance_does_not_write_into_another() {
    for_each_store!(instances_are_kept_apart);
}
