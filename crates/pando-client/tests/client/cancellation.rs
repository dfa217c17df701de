//! Futures that are dropped.

use crate::world::{World, policy};
use futures_util::FutureExt;
use pando_client::{Client, Event, EventId, Outcome};
use pando_mls::GroupId;

#[tokio::test]
async fn a_dropped_future_has_no_effect_or_the_whole_one() {
    let mut world = World::new().await;
    let mut devices = world.devices().await;
    let group_id = world.group(&mut devices).await;
    let [alice, _, bob, _] = &mut devices;
    // This future was never polled.
    drop(alice.client.send(&group_id, "text/plain", "never", 0));
    // These futures have told the thread, and are dropped before they have its answer or at it.
    let _ = alice.client.send(&group_id, "text/plain", "once", 0).now_or_never();
    let _ = alice.client.update(&group_id).now_or_never();
    alice.wait_for(|event| matches!(event, Event::MessageSent { .. })).await;
    alice.wait_for(|event| matches!(event, Event::EpochBegan { epoch: 2, .. })).await;
    alice.send(&group_id, "last").await;
    bob.receive("last").await;
    assert_eq!((bob.count("never"), bob.count("once")), (0, 1));
}

#[tokio::test]
async fn futures_that_wait_can_be_dropped() {
    let mut world = World::new().await;
    let alice = world.device("alice/laptop").await.client;
    let (_, creation) = alice.create_group(policy(), []).await.unwrap();
    for _ in 0..200 {
        let _ = alice.wait_for(creation).now_or_never();
        let _ = alice.next_events(EventId::default()).now_or_never();
        let _ = alice.next_error().now_or_never();
        let _ = alice.groups().now_or_never();
    }
    assert_eq!(alice.wait_for(creation).await.unwrap(), Outcome::Done);
    assert!(!alice.next_events(EventId::default()).await.unwrap().is_empty());
}

/// A future of `close` that is dropped after the thread has received it closes the client.
#[tokio::test]
async fn a_dropped_close_closes() {
    let mut world = World::new().await;
    let alice = world.device("alice/laptop").await.client;
    drop(alice.clone().close());
    assert!(alice.groups().await.unwrap().is_empty());
    let _ = alice.clone().close().now_or_never();
    assert!(alice.groups().await.is_err());
}

/// Tasks of any runtime can use a client.
#[tokio::test]
async fn futures_are_send() {
    fn check<F: Future + Send>(_: F) {}
    fn check_all<T: pando_client::Transport>(client: &Client<T, pando_store::Memory>, group_id: &GroupId) {
        check(client.create_group(policy(), []));
        check(client.add(group_id, Vec::new()));
        check(client.remove(group_id, []));
        check(client.set_policy(group_id, policy()));
        check(client.update(group_id));
        check(client.leave(group_id));
        check(client.join(group_id));
        check(client.send(group_id, "text/plain", "text", 0));
        check(client.find_groups());
        check(client.groups());
        check(client.confirmed_until(group_id));
        check(client.next_events(EventId::default()));
        check(client.acknowledge(EventId::default()));
        check(client.next_error());
        check(client.with_engine(|_| ()));
        check(client.clone().close());
    }
    let mut world = World::new().await;
    check_all(&world.device("alice/laptop").await.client, &GroupId::from("none"));
}
