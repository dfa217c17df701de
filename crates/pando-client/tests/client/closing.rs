//! Closing a client, and dropping its handles.

use crate::transports::Watched;
use crate::world::{Device, World, policy};
use futures_util::FutureExt;
use pando_client::{ClientError, EventId, Outcome};

#[tokio::test]
async fn close_ends_all_handles_and_returns_the_store() {
    let mut world = World::new().await;
    let (transport, dropped) = Watched::new(world.server.transport());
    let Device { client, credential, .. } = world.device_over(transport, "alice/laptop").await;
    let (group_id, creation) = client.create_group(policy(), []).await.unwrap();
    assert_eq!(client.wait_for(creation).await.unwrap(), Outcome::Done);
    let handle = client.clone();
    let last = client.next_events(EventId::default()).await.unwrap().last().unwrap().id;
    let mut waiting = Box::pin(handle.next_events(EventId(last.0 + 1_000)));
    assert!((&mut waiting).now_or_never().is_none());

    let store = client.close().await.unwrap();
    assert!(matches!(waiting.await, Err(ClientError::Ended)));
    assert!(matches!(handle.groups().await, Err(ClientError::Ended)));
    assert!(matches!(handle.update(&group_id).await, Err(ClientError::Ended)));
    assert!(matches!(handle.wait_for(creation).await, Err(ClientError::Ended)));
    assert!(matches!(handle.next_error().await, Err(ClientError::Ended)));
    assert!(matches!(handle.clone().close().await, Err(ClientError::Ended)));
    // The calls in flight have ended, so nothing but the handle has the transport.
    drop(handle);
    assert!(dropped.await.is_err());

    let again = world.open(&credential, store);
    assert_eq!(again.client.groups().await.unwrap(), [group_id]);
}

/// The calls in flight do not keep a client alive.
#[tokio::test]
async fn dropping_the_last_handle_ends_the_thread_and_the_tasks() {
    let mut world = World::new().await;
    let (transport, dropped) = Watched::new(world.server.transport());
    let client = world.device_over(transport, "alice/laptop").await.client;
    let (_, creation) = client.create_group(policy(), []).await.unwrap();
    assert_eq!(client.wait_for(creation).await.unwrap(), Outcome::Done);
    world.server.requests.wait_for("GET /v1/inbox").await;
    let other = client.clone();
    drop(client);
    assert_eq!(other.groups().await.unwrap().len(), 1);
    drop(other);
    assert!(dropped.await.is_err());
}
