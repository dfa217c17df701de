//! KeyPackages are found by a Welcome, are gone when they were used or have expired, and stay if they are of last
//! resort.

use crate::people::{Device, group_of, suite, tea, template};
use crate::{Place, for_each_store};
use pando_mls::KeyPackageBundle;
use pando_store::{Misuse, StoreError};

fn used(place: &impl Place) {
    let mut alice = group_of(vec![place.open("a")]).remove(0);
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let (published, other) = (bob.publish(false).unwrap(), bob.publish(false).unwrap());
    let (_, welcome) = alice.commit(|builder| builder.add(published.clone())).unwrap();
    let welcome = welcome.unwrap();
    alice.merge_pending().unwrap();
    // It is for none of Alice's.
    assert!(alice.store.key_package_for(&welcome).unwrap().is_none());
    let found = bob.store.key_package_for(&welcome).unwrap().unwrap();
    assert_eq!((&found.bundle.key_package, found.last_resort), (&published, false));
    // What was not committed has not used it.
    let mut transaction = bob.store.begin().unwrap();
    transaction.use_key_package(&found.reference).unwrap();
    drop(transaction);
    bob.join(&welcome).unwrap();
    assert!(bob.store.key_package_for(&welcome).unwrap().is_none());
    assert!(bob.store.key_package(&found.reference).unwrap().is_none());
    let left = bob.store.key_packages().unwrap();
    assert_eq!(left.iter().map(|stored| &stored.bundle.key_package).collect::<Vec<_>>(), [&other]);
    // Nobody uses it again.
    let mut transaction = bob.store.begin().unwrap();
    assert!(matches!(transaction.use_key_package(&found.reference), Err(StoreError::Stale)));
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
        assert_eq!(transaction.remove_expired(now).unwrap(), gone);
        transaction.commit().unwrap();
    }
    assert!(bob.store.key_packages().unwrap().is_empty());
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
