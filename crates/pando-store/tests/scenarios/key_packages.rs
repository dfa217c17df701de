//! A Welcome finds its KeyPackage in the store. A KeyPackage is deleted when it has expired, or
//! after its use unless it is one of last resort.

use crate::fixtures::{Device, group_of, suite, tea, template};
use crate::{Place, for_each_store};
use pando_mls::KeyPackageBundle;
use pando_store::{KEY_PACKAGE_GRACE, Misuse, OldWelcome, StoreError};
use std::time::Duration;

fn used(place: &impl Place) {
    let mut alice = group_of(vec![place.open("a")]).remove(0);
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let (published, other) = (bob.publish(false).unwrap(), bob.publish(false).unwrap());
    let (_, welcome) = alice.commit(|builder| builder.add(published.clone())).unwrap();
    let welcome = welcome.unwrap();
    alice.merge_pending().unwrap();
    // The Welcome was created for none of Alice's KeyPackages.
    assert!(alice.store.key_package_for(&welcome).unwrap().is_none());
    let found = bob.store.key_package_for(&welcome).unwrap().unwrap();
    assert_eq!((&found.bundle.key_package, found.last_resort), (&published, false));
    // A transaction that is not committed does not use the KeyPackage.
    let lock = bob.store.lock(&tea(), Duration::ZERO).unwrap();
    let mut transaction = bob.store.begin().unwrap();
    transaction.use_key_package(&lock, &found.reference, OldWelcome::Accept).unwrap();
    drop(transaction);
    // A group that is not stored does not use the KeyPackage either.
    let mut transaction = bob.store.begin().unwrap();
    let refused = transaction.use_key_package(&lock, &found.reference, OldWelcome::Refuse);
    assert!(matches!(refused, Err(StoreError::Stale)));
    drop((transaction, lock));
    bob.join(&welcome).unwrap();
    assert!(bob.store.key_package_for(&welcome).unwrap().is_none());
    assert!(bob.store.key_package(&found.reference).unwrap().is_none());
    let left = bob.store.key_packages().unwrap();
    assert_eq!(left.iter().map(|stored| &stored.bundle.key_package).collect::<Vec<_>>(), [&other]);
    // The KeyPackage cannot be used again.
    let (_, lock) = bob.group.take().unwrap();
    let mut transaction = bob.store.begin().unwrap();
    let refused = transaction.use_key_package(&lock, &found.reference, OldWelcome::Refuse);
    assert!(matches!(refused, Err(StoreError::Stale)));
}

#[test]
fn it_is_gone_with_the_group_that_it_has_joined() {
    for_each_store!(used);
}

fn last_resort(place: &impl Place) {
    let mut alice = group_of(vec![place.open("a")]).remove(0);
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let published = bob.publish(true).unwrap();
    let (_, welcome) = alice.commit(|builder| builder.add(published.clone())).unwrap();
    bob.join(&welcome.unwrap()).unwrap();
    let left = bob.store.key_packages().unwrap().pop().unwrap();
    assert!(left.last_resort && left.bundle.key_package == published);
    let mut transaction = bob.store.begin().unwrap();
    transaction.remove_key_package(&left.reference).unwrap();
    transaction.commit().unwrap();
    assert!(bob.store.key_packages().unwrap().is_empty());
    assert!(bob.store.contains(&tea()).unwrap());
}

#[test]
fn one_of_last_resort_stays() {
    for_each_store!(last_resort);
}

fn expired(place: &impl Place) {
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let mut transaction = bob.store.begin().unwrap();
    for (not_after, last_resort) in [(10, false), (20, true), (20, false), (30, false)] {
        let bundle =
            KeyPackageBundle::new(suite(), template("bob", not_after), &*bob.signer, &mut bob.rng).unwrap();
        transaction.insert_key_package(suite(), &bundle, last_resort).unwrap();
    }
    transaction.commit().unwrap();
    for (now, gone) in [(10, 0), (11, 1), (20, 0), (21, 2), (30, 0), (31, 1)] {
        let mut transaction = bob.store.begin().unwrap();
        assert_eq!(transaction.remove_expired(now, Duration::ZERO).unwrap(), gone);
        transaction.commit().unwrap();
    }
    assert!(bob.store.key_packages().unwrap().is_empty());
}

/// An expired KeyPackage is kept during the grace period. A member may have added the client on the
/// last day of its lifetime, and the Welcome may not have arrived yet.
fn in_grace(place: &impl Place) {
    let mut alice = group_of(vec![place.open("a")]).remove(0);
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let mut key_packages = Vec::new();
    for not_after in [2_000, u64::MAX] {
        let bundle =
            KeyPackageBundle::new(suite(), template("bob", not_after), &*bob.signer, &mut bob.rng).unwrap();
        let mut transaction = bob.store.begin().unwrap();
        transaction.insert_key_package(suite(), &bundle, false).unwrap();
        transaction.commit().unwrap();
        key_packages.push(bundle.key_package);
    }
    let (_, welcome) = alice.commit(|builder| builder.add(key_packages.remove(0))).unwrap();
    let mut remove = |now, grace| {
        let mut transaction = bob.store.begin().unwrap();
        let removed = transaction.remove_expired(now, grace).unwrap();
        transaction.commit().unwrap();
        removed
    };
    let grace = KEY_PACKAGE_GRACE.as_secs();
    assert_eq!(grace, 30 * 86_400);
    for now in [2_000, 2_001, 2_000 + grace] {
        assert_eq!(remove(now, KEY_PACKAGE_GRACE), 0);
    }
    assert_eq!(remove(u64::MAX, Duration::MAX), 0);
    let welcome = welcome.unwrap();
    assert!(bob.store.key_package_for(&welcome).unwrap().is_some());
    let mut transaction = bob.store.begin().unwrap();
    assert_eq!(transaction.remove_expired(2_001 + grace, KEY_PACKAGE_GRACE).unwrap(), 1);
    transaction.commit().unwrap();
    assert!(bob.store.key_package_for(&welcome).unwrap().is_none());
}

#[test]
fn the_expired_are_kept_for_a_time_of_grace() {
    for_each_store!(in_grace);
}

fn numbered(place: &impl Place) {
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let sequences = |bob: &Device<_>| {
        let mut sequences: Vec<_> =
            bob.store.key_packages().unwrap().iter().map(|stored| stored.sequence).collect();
        sequences.sort();
        sequences
    };
    let bundles: Vec<_> = (0..3).map(|_| bob.bundle()).collect();
    let mut transaction = bob.store.begin().unwrap();
    let references: Vec<_> = bundles
        .iter()
        .map(|bundle| transaction.insert_key_package(suite(), bundle, false).unwrap())
        .collect();
    transaction.commit().unwrap();
    assert_eq!(sequences(&bob), [1, 2, 3]);
    let sequence =
        |bob: &Device<_>, at: usize| bob.store.key_package(&references[at]).unwrap().unwrap().sequence;
    assert_eq!([sequence(&bob, 0), sequence(&bob, 1), sequence(&bob, 2)], [1, 2, 3]);
    // A KeyPackage that is stored again keeps its sequence, and gaps between sequences are not
    // filled.
    let mut transaction = bob.store.begin().unwrap();
    transaction.insert_key_package(suite(), &bundles[1], false).unwrap();
    transaction.remove_key_package(&references[0]).unwrap();
    transaction.commit().unwrap();
    bob.publish(true).unwrap();
    assert_eq!(sequences(&bob), [2, 3, 4]);
}

#[test]
fn each_has_a_greater_number_than_those_before() {
    for_each_store!(numbered);
}

/// A used KeyPackage of last resort should be replaced, so its uses are counted.
fn uses_counted(place: &impl Place) {
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    bob.publish(true).unwrap();
    let reference = bob.store.key_packages().unwrap().remove(0).reference;
    let lock = bob.store.lock(&tea(), Duration::ZERO).unwrap();
    for uses in 0..3 {
        let stored = bob.store.key_package(&reference).unwrap().unwrap();
        assert_eq!((stored.uses, stored.last_resort, stored.sequence), (uses, true, 1));
        assert_eq!(bob.store.inspect().unwrap().last_resort_uses, u64::from(uses));
        // A use that is not committed does not count.
        let mut transaction = bob.store.begin().unwrap();
        transaction.use_key_package(&lock, &reference, OldWelcome::Accept).unwrap();
        drop(transaction);
        let mut transaction = bob.store.begin().unwrap();
        transaction.use_key_package(&lock, &reference, OldWelcome::Accept).unwrap();
        transaction.commit().unwrap();
    }
    let stored = bob.store.key_package(&reference).unwrap().unwrap();
    let mut transaction = bob.store.begin().unwrap();
    transaction.insert_key_package(suite(), &stored.bundle, true).unwrap();
    transaction.commit().unwrap();
    assert_eq!(bob.store.key_package(&reference).unwrap().unwrap().uses, 3);
}

#[test]
fn uses_of_one_of_last_resort_are_counted() {
    for_each_store!(uses_counted);
}

#[test]
fn the_expired_are_removed() {
    for_each_store!(expired);
}

fn foreign(place: &impl Place) {
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let mut bundle = bob.bundle();
    bundle.key_package.cipher_suite = pando_mls::CipherSuite(3);
    let mut transaction = bob.store.begin().unwrap();
    let refused = transaction.insert_key_package(suite(), &bundle, false);
    assert!(matches!(refused, Err(StoreError::Misuse(Misuse::CipherSuite))));
}

#[test]
fn its_suite_is_the_one_that_is_given() {
    for_each_store!(foreign);
}
