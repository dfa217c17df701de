//! Tests of application messages.

use crate::world::{SETTINGS, World};
use pando_interop::proto::*;

#[tokio::test]
async fn messages_out_of_order_and_of_an_epoch_before() {
    for setting in SETTINGS {
        let mut world = World::of(setting, &["alice", "bob"]).await;
        let before = [
            world.members[0].protect(b"btw1", b"hello 1").await,
            world.members[0].protect(b"btw2", b"hello 2").await,
        ];
        world.commit(0, CommitRequest::default(), Vec::new()).await;
        let after = world.members[0].protect(b"", b"").await;
        let bob = &mut world.members[1];
        assert_eq!(bob.unprotect(&after).await, (Vec::new(), Vec::new()));
        assert_eq!(bob.unprotect(&before[1]).await, (b"btw2".to_vec(), b"hello 2".to_vec()));
        assert_eq!(bob.unprotect(&before[0]).await, (b"btw1".to_vec(), b"hello 1".to_vec()));
    }
}

#[tokio::test]
async fn who_is_freed_is_gone() {
    let mut world = World::of(SETTINGS[0], &["alice", "bob"]).await;
    let bob = &mut world.members[1];
    let request = FreeRequest { state_id: bob.state };
    bob.rpc.free(request).await.unwrap();
    assert!(bob.rpc.free(request).await.is_err());
    assert!(bob.rpc.state_auth(StateAuthRequest { state_id: bob.state }).await.is_err());
}
