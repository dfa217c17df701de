//! Devices that are off, and a server that is stopped.

use crate::world::{World, key, policy, user};
use pando_api::ClaimTarget;
use pando_client::{Event, EventId, Outcome};
use pando_store::SqliteStore;
use tempfile::TempDir;

#[tokio::test]
async fn a_device_that_was_off_catches_up() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let [mut alice, mut other, mut bob, phone] = devices;
    let (credential, own) = (phone.credential.clone(), bob.client.own().clone());
    let store = phone.client.close().await.unwrap();

    alice.send(&group_id, "before the update").await;
    let update = bob.client.update(&group_id).await.unwrap();
    assert_eq!(bob.client.wait_for(update).await.unwrap(), Outcome::Done);
    bob.send(&group_id, "after the update").await;
    let removal = alice.client.remove(&group_id, [ClaimTarget::Client(own.clone())]).await.unwrap();
    assert_eq!(alice.client.wait_for(removal).await.unwrap(), Outcome::Done);
    other.send(&group_id, "after the removal").await;

    let mut phone = world.open(&credential, store);
    for text in ["before the update", "after the update", "after the removal"] {
        phone.receive(text).await;
        assert_eq!(phone.count(text), 1);
    }
    phone.wait_for(|event| *event == Event::Removed { client: Some(own.clone()) }).await;
    phone.send(&group_id, "I am back").await;
    alice.receive("I am back").await;
}

#[tokio::test]
async fn a_store_in_a_file_is_opened_again() {
    let mut world = World::new().await;
    let mut bob = world.device("bob/phone").await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alice");
    let mut store = SqliteStore::open(&path, &key()).unwrap();
    let credential = world.certify("alice/laptop", &mut store);
    let alice = world.open(&credential, store);
    let (group_id, creation) = alice.client.create_group(policy(), [user("bob")]).await.unwrap();
    assert_eq!(alice.client.wait_for(creation).await.unwrap(), Outcome::Done);
    let before = alice.client.next_events(EventId::default()).await.unwrap();
    drop(alice.client.close().await.unwrap());

    // Events that were not acknowledged come again, with the same numbers.
    let mut alice = world.open(&credential, SqliteStore::open(&path, &key()).unwrap());
    assert_eq!(alice.client.groups().await.unwrap(), std::slice::from_ref(&group_id));
    let after = alice.client.next_events(EventId::default()).await.unwrap();
    assert_eq!(after[..before.len()], before);
    alice.send(&group_id, "from the file").await;
    bob.receive("from the file").await;
    // A message that was stored is sent, also if the client is closed at once.
    alice.client.send(&group_id, "text/plain", "before the end", 0).await.unwrap();
    let store = alice.client.close().await.unwrap();
    let _alice = world.open(&credential, store);
    bob.receive("before the end").await;
    assert_eq!(bob.count("before the end"), 1);
}

#[tokio::test]
async fn operations_survive_a_crash_of_the_server() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let router = world.server.requests.recording(world.server.router.clone());
    world.server.endpoint.kill().await;
    let [alice, _, bob, _] = &mut devices;
    // All of these are stored while there is no server.
    let update = alice.client.update(&group_id).await.unwrap();
    let first = alice.client.send(&group_id, "text/plain", "one", 0).await.unwrap();
    let second = bob.client.send(&group_id, "text/plain", "two", 0).await.unwrap();

    world.server.endpoint.restart(router).await;
    assert_eq!(alice.client.wait_for(update).await.unwrap(), Outcome::Done);
    alice.wait_for(|event| matches!(event, Event::MessageSent { message, .. } if *message == first)).await;
    bob.wait_for(|event| matches!(event, Event::MessageSent { message, .. } if *message == second)).await;
    for device in &mut devices[1..] {
        device.receive("one").await;
        assert_eq!(device.count("one"), 1);
    }
    devices[1].receive("two").await;
}
