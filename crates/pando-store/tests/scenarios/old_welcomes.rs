//! An old Welcome is refused. Otherwise, a removed client with a KeyPackage of last resort could
//! use its old Welcome to join again.

use crate::fixtures::{Device, group_of, tea};
use crate::{Place, for_each_store};
use pando_mls::{BasicIdentities, LeafIndex, RustCrypto, Welcome};
use pando_store::{Backend, OldWelcome, StoreError};
use std::time::Duration;

/// Joins with a Welcome as `Device::join` does, with the given treatment of old Welcomes.
fn join<B: Backend>(device: &mut Device<B>, welcome: &Welcome, old: OldWelcome) -> Result<(), StoreError> {
    let stored = device.store.key_package_for(welcome)?.ok_or(StoreError::Stale)?;
    let (group, delta) = {
        let psks = &device.store;
        pando_mls::Group::join(welcome, &stored.bundle, None, &device.client(psks)).unwrap()
    }
    .into_parts();
    device.group = None;
    let lock = device.store.lock(&tea(), Duration::ZERO)?;
    let mut transaction = device.store.begin()?;
    transaction.apply(&lock, &delta)?;
    transaction.use_key_package(&lock, &stored.reference, old)?;
    transaction.commit()?;
    device.group = Some((group, lock));
    Ok(())
}

/// Makes Alice add Bob with a published KeyPackage of last resort, and then remove him again.
fn added_and_removed<B: Backend>(alice: &mut Device<B>, bob: &mut Device<B>) -> Welcome {
    let published = bob.publish(true).unwrap();
    let (commit, welcome) = alice.commit(|builder| builder.add(published)).unwrap();
    alice.receive(&commit).unwrap();
    let welcome = welcome.unwrap();
    bob.join(&welcome).unwrap();
    let (commit, _) = alice.commit(|builder| builder.remove(LeafIndex(1))).unwrap();
    alice.receive(&commit).unwrap();
    bob.receive(&commit).unwrap();
    welcome
}

fn story(place: &impl Place) {
    let mut alice = group_of(vec![place.open("a")]).remove(0);
    let mut bob = Device::new("bob", place.open("b"), 7).unwrap();
    let old = added_and_removed(&mut alice, &mut bob);
    // The rows of the group are still stored, and the Welcome leads to the same instance.
    assert!(matches!(join(&mut bob, &old, OldWelcome::Refuse), Err(StoreError::Occupied)));
    bob.reload().unwrap();
    bob.delete().unwrap();
    assert!(matches!(join(&mut bob, &old, OldWelcome::Refuse), Err(StoreError::OldWelcome)));
    assert!(!bob.store.contains(&tea()).unwrap());
    // The record survives a key change.
    bob.store.rotate(&pando_store::Key::None).unwrap();
    assert!(matches!(join(&mut bob, &old, OldWelcome::Refuse), Err(StoreError::OldWelcome)));
    assert!(bob.store.verify(&RustCrypto, &BasicIdentities).unwrap().is_empty());

    // A Welcome of a later epoch is accepted, even for the old KeyPackage.
    let again = bob.store.key_packages().unwrap().remove(0).bundle.key_package;
    let (commit, welcome) = alice.commit(|builder| builder.add(again)).unwrap();
    alice.receive(&commit).unwrap();
    join(&mut bob, &welcome.unwrap(), OldWelcome::Refuse).unwrap();
    let message = alice.send(b"welcome back").unwrap();
    assert_eq!(bob.receive(&message).unwrap().unwrap(), b"welcome back");
    bob.delete().unwrap();
    // The application may accept an old Welcome explicitly.
    join(&mut bob, &old, OldWelcome::Accept).unwrap();
    bob.delete().unwrap();

    // Another group with the same identifier is in one of its first epochs. The client can join
    // this group with a KeyPackage that is newer than the record.
    let mut carol = Device::new("carol", place.open("c"), 8).unwrap();
    carol.create(&tea()).unwrap();
    let new = bob.publish(false).unwrap();
    let (commit, welcome) = carol.commit(|builder| builder.add(new)).unwrap();
    carol.receive(&commit).unwrap();
    join(&mut bob, &welcome.unwrap(), OldWelcome::Refuse).unwrap();
    bob.delete().unwrap();

    // The record is deleted together with the last KeyPackage of its age.
    assert!(bob.store.inspect().unwrap().records.contains_key("former group"));
    let references: Vec<_> =
        bob.store.key_packages().unwrap().into_iter().map(|stored| stored.reference).collect();
    let mut transaction = bob.store.begin().unwrap();
    references.iter().for_each(|reference| transaction.remove_key_package(reference).unwrap());
    transaction.commit().unwrap();
    assert!(!bob.store.inspect().unwrap().records.contains_key("former group"));
}

#[test]
fn an_old_welcome_revives_nobody() {
    for_each_store!(story);
}
