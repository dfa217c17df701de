//! Members that leave, are removed, and join by themselves.

use crate::world::World;
use pando_api::ClaimTarget;
use pando_client::{ClientError, EngineError, Event, Outcome};

#[tokio::test]
async fn a_device_leaves() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let [alice, _, bob, phone] = &mut devices;
    let own = phone.client.own().clone();
    let leave = phone.client.leave(&group_id).await.unwrap();
    assert_eq!(phone.client.wait_for(leave).await.unwrap(), Outcome::Done);
    phone.wait_for(|event| *event == Event::RemovedUs).await;
    assert!(phone.client.groups().await.unwrap().is_empty());
    for device in [alice, bob] {
        device.wait_for(|event| *event == Event::Removed { client: Some(own.clone()) }).await;
    }
    let refused = phone.client.send(&group_id, "text/plain", "too late", 0).await;
    assert!(matches!(refused, Err(ClientError::Engine(EngineError::NotAMember(group))) if group == group_id));
}

#[tokio::test]
async fn a_device_is_removed() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let [alice, other, bob, phone] = &mut devices;
    let target = ClaimTarget::Client(phone.client.own().clone());
    let removal = alice.client.remove(&group_id, [target]).await.unwrap();
    assert_eq!(alice.client.wait_for(removal).await.unwrap(), Outcome::Done);
    phone.wait_for(|event| *event == Event::RemovedUs).await;
    alice.send(&group_id, "without the phone").await;
    bob.receive("without the phone").await;
    other.receive("without the phone").await;
    assert_eq!(phone.count("without the phone"), 0);
}

#[tokio::test]
async fn a_new_device_finds_and_joins_a_group() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let mut tablet = world.device("bob/tablet").await;
    let found = tablet.wait_for(|event| matches!(event, Event::GroupFound { .. })).await;
    assert_eq!((found.group_id.as_ref(), found.event), (Some(&group_id), Event::GroupFound { has_leaf: 0 }));
    let join = tablet.client.join(&group_id).await.unwrap();
    assert_eq!(tablet.client.wait_for(join).await.unwrap(), Outcome::Done);
    tablet.send(&group_id, "from the tablet").await;
    for device in &mut devices {
        device.receive("from the tablet").await;
    }
    devices[3].send(&group_id, "welcome").await;
    tablet.receive("welcome").await;
    // The client does not report a group that it has.
    tablet.client.find_groups().await.unwrap();
    assert!(matches!(
        tablet.client.join(&group_id).await,
        Err(ClientError::Engine(EngineError::InGroup(group))) if group == group_id
    ));
}
