//! Failures of the store, and panics.

use crate::transports::Panicking;
use crate::world::{World, key, policy, user};
use futures_util::FutureExt;
use pando_client::{ClientError, EngineError, Event, EventId, Outcome};
use pando_store::{Backend, Memory, Store, StoreError};
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn a_busy_store_delays_the_client_and_does_not_end_it() {
    let mut world = World::new().await;
    let mut bob = world.device("bob/phone").await;
    let memory = Memory::new();
    let mut store = Store::new(memory.again().unwrap(), &key()).unwrap();
    let credential = world.certify("alice/laptop", &mut store);
    let mut alice = world.open(&credential, store);
    let (group_id, creation) = alice.client.create_group(policy(), [user("bob")]).await.unwrap();
    assert_eq!(alice.client.wait_for(creation).await.unwrap(), Outcome::Done);
    bob.wait_for(|event| matches!(event, Event::Joined { .. })).await;

    // Another connection writes for a long time.
    let mut other = memory.again().unwrap();
    while other.begin().is_err() {
        tokio::task::yield_now().await;
    }
    let (error, ()) = tokio::join!(alice.client.next_error(), bob.send(&group_id, "hello"));
    assert!(matches!(*error.unwrap(), EngineError::Store(StoreError::Busy)));
    assert!(alice.client.last_error().is_some());
    let refused = alice.client.send(&group_id, "text/plain", "refused", 0).await;
    assert!(matches!(refused, Err(ClientError::Engine(EngineError::Store(StoreError::Busy)))));
    // Stored rows are still read.
    assert_eq!(alice.client.groups().await.unwrap(), std::slice::from_ref(&group_id));
    other.rollback();

    alice.receive("hello").await;
    assert_eq!(alice.count("hello"), 1);
    alice.send(&group_id, "accepted").await;
    bob.receive("accepted").await;
    assert_eq!(bob.count("refused"), 0);
    assert!(alice.client.last_error().is_none());
}

#[tokio::test]
async fn a_panic_in_the_thread_ends_the_client() {
    let mut world = World::new().await;
    let client = world.device("alice/laptop").await.client;
    let handle = client.clone();
    let mut waiting = Box::pin(handle.next_events(EventId(u64::MAX - 1)));
    assert!((&mut waiting).now_or_never().is_none());
    let panicked = client.with_engine(|_| panic!("a panic of the test")).await;
    assert!(matches!(panicked, Err::<(), _>(ClientError::Ended)));
    assert!(matches!(waiting.await, Err(ClientError::Ended)));
    assert!(matches!(client.find_groups().await, Err(ClientError::Ended)));
    assert!(matches!(client.close().await, Err(ClientError::Ended)));
}

/// A call whose task panics has an unknown outcome, and is repeated.
#[tokio::test]
async fn a_panic_in_a_call_is_a_failed_call() {
    let mut world = World::new().await;
    let mut bob = world.device("bob/phone").await;
    let transport = Panicking { inner: world.server.transport(), has_panicked: AtomicBool::new(false) };
    let transport = std::sync::Arc::new(transport);
    let mut alice = world.device_over(std::sync::Arc::clone(&transport), "alice/laptop").await;
    let (group_id, creation) = alice.client.create_group(policy(), [user("bob")]).await.unwrap();
    assert_eq!(alice.client.wait_for(creation).await.unwrap(), Outcome::Done);
    alice.send(&group_id, "hello").await;
    assert!(transport.has_panicked.load(Ordering::Relaxed));
    bob.receive("hello").await;
    assert_eq!(bob.count("hello"), 1);
}
