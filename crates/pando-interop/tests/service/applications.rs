//! Tests of sending and receiving application messages.

use crate::fixture::{GroupFixture, SETTINGS};
use pando_interop::proto::*;

#[tokio::test]
async fn messages_out_of_order_and_of_an_epoch_before() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
        let before = [
            fixture.members[0].protect(b"btw1", b"hello 1").await,
            fixture.members[0].protect(b"btw2", b"hello 2").await,
        ];
        fixture.commit(0, CommitRequest::default(), Vec::new()).await;
        let after = fixture.members[0].protect(b"", b"").await;
        let bob = &mut fixture.members[1];
        assert_eq!(bob.unprotect(&after).await, (Vec::new(), Vec::new()));
        assert_eq!(bob.unprotect(&before[1]).await, (b"btw2".to_vec(), b"hello 2".to_vec()));
        assert_eq!(bob.unprotect(&before[0]).await, (b"btw1".to_vec(), b"hello 1".to_vec()));
    }
}

#[tokio::test]
async fn who_is_freed_is_gone() {
    let mut fixture = GroupFixture::of(SETTINGS[0], &["alice", "bob"]).await;
    let bob = &mut fixture.members[1];
    let request = FreeRequest { state_id: bob.state };
    bob.rpc.free(request).await.unwrap();
    assert!(bob.rpc.free(request).await.is_err());
    assert!(bob.rpc.state_auth(StateAuthRequest { state_id: bob.state }).await.is_err());
}
