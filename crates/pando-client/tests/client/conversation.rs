//! Groups of two users with two devices each.

use crate::world::{World, policy, user};
use pando_api::ClaimTarget;
use pando_client::{Event, EventId, Outcome};

#[tokio::test]
async fn all_devices_of_a_group_receive_each_message() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let texts = ["from alice's laptop", "from alice's phone", "from bob's laptop", "from bob's phone"];
    for (sender, text) in texts.iter().enumerate() {
        devices[sender].send(&group_id, text).await;
    }
    for (receiver, device) in devices.iter_mut().enumerate() {
        for (sender, text) in texts.iter().enumerate() {
            if sender != receiver {
                device.receive(text).await;
            }
        }
        let counts = texts.map(|text| device.count(text));
        assert!((0..4).all(|sender| counts[sender] == usize::from(sender != receiver)), "{counts:?}");
        assert!(device.client.confirmed_until(&group_id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_group_grows_by_users_and_by_clients() {
    let mut world = World::new().await;
    let [mut laptop, mut phone, mut bob, _] = world.devices().await;
    let (group_id, creation) = laptop.client.create_group(policy(), []).await.unwrap();
    // Operations on a group wait until it exists.
    let own = phone.client.own().clone();
    let addition = laptop.client.add(&group_id, [ClaimTarget::Client(own.clone())]).await.unwrap();
    assert_eq!(laptop.client.wait_for(creation).await.unwrap(), Outcome::Done);
    assert_eq!(laptop.client.wait_for(addition).await.unwrap(), Outcome::Done);
    laptop.wait_for(|event| *event == Event::Added { client: Some(own.clone()) }).await;
    phone.wait_for(|event| matches!(event, Event::Joined { .. })).await;

    let addition = phone.client.add(&group_id, [ClaimTarget::User(user("bob"))]).await.unwrap();
    assert_eq!(phone.client.wait_for(addition).await.unwrap(), Outcome::Done);
    bob.wait_for(|event| matches!(event, Event::Joined { .. })).await;
    bob.send(&group_id, "hello").await;
    laptop.receive("hello").await;
    phone.receive("hello").await;
}

#[tokio::test]
async fn a_policy_and_keys_change() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let [alice, _, bob, _] = &mut devices;
    let update = bob.client.update(&group_id).await.unwrap();
    assert_eq!(bob.client.wait_for(update).await.unwrap(), Outcome::Done);
    let mut closed = policy();
    closed.add = pando_api::Permission::Admins;
    let change = alice.client.set_policy(&group_id, closed).await.unwrap();
    assert_eq!(alice.client.wait_for(change).await.unwrap(), Outcome::Done);
    bob.wait_for(|event| *event == Event::ExtensionsChanged).await;
    // Only admins may add clients now.
    let carol = world.device("carol/phone").await;
    let target = ClaimTarget::Client(carol.client.own().clone());
    let addition = bob.client.add(&group_id, [target]).await.unwrap();
    assert!(matches!(bob.client.wait_for(addition).await.unwrap(), Outcome::Failed(_)));
}

/// The end of an operation is found until its event is acknowledged.
#[tokio::test]
async fn waiting_does_not_take_events_from_the_application() {
    let mut world = World::new().await;
    let alice = world.device("alice/laptop").await.client;
    let (_, creation) = alice.create_group(policy(), []).await.unwrap();
    let (one, other) = tokio::join!(alice.wait_for(creation), alice.wait_for(creation));
    assert_eq!((one.unwrap(), other.unwrap()), (Outcome::Done, Outcome::Done));
    let events = alice.next_events(EventId::default()).await.unwrap();
    let end = events.iter().find(|stored| stored.event == Event::OperationDone(creation)).unwrap();
    // The event can be read again, and the end can be asked for again, until it is acknowledged.
    assert!(alice.next_events(EventId::default()).await.unwrap().starts_with(&events));
    assert_eq!(alice.wait_for(creation).await.unwrap(), Outcome::Done);
    alice.acknowledge(end.id).await.unwrap();
    assert_eq!(alice.wait_for(creation).await.unwrap(), Outcome::Acknowledged);
}

/// A function that waits sees the end of an operation before another task can acknowledge it.
#[tokio::test]
async fn an_acknowledged_end_reaches_functions_that_wait() {
    let mut world = World::new().await;
    let alice = world.device("alice/laptop").await.client;
    for _ in 0..20 {
        let (_, creation) = alice.create_group(policy(), []).await.unwrap();
        let acknowledging = async {
            loop {
                let events = alice.next_events(EventId::default()).await.unwrap();
                alice.acknowledge(events.last().unwrap().id).await.unwrap();
                if events.iter().any(|stored| stored.event == Event::OperationDone(creation)) {
                    break;
                }
            }
        };
        let (outcome, ()) = tokio::join!(alice.wait_for(creation), acknowledging);
        assert_eq!(outcome.unwrap(), Outcome::Done);
    }
}
