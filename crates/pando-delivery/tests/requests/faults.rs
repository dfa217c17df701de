//! Faults of the server: the codes of the statuses 500 and 503 (docs/protocol.md, section 4). The
//! same request succeeds later.

use crate::clients::group_id;
use crate::requests::{BYTES_MEDIA_TYPE, Draft};
use crate::server::{Codes, Server, limits};
use crate::store::Failing;
use crate::world::{EXPIRES, Member, World, path};
use pando_api::{Digest, ProblemCode, Receipt, SubmitMessage};
use pando_delivery::Refusal;
use pando_delivery::group::partition;
use pando_delivery::store::{Failure, OpenError, SqliteConfig, SqliteStore, Store, StoreError, Transaction};
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Sends the requests. Returns the codes of their answers.
pub(crate) async fn all() -> Codes {
    let (mut world, [mut alice, ..]) = World::with_three().await;
    failing_store(&mut world, &mut alice).await;
    damaged_row(&mut world, &alice).await;
    full_memory(&mut world, &alice).await;
    world.recorder.server.codes.lock().unwrap().clone()
}

/// Returns a failure of the file system.
fn failure() -> Failure {
    let file = NamedTempFile::new().unwrap();
    match SqliteStore::open(file.path().join("store"), &SqliteConfig::default()) {
        Err(OpenError::Failed(failure)) => failure,
        _ => panic!("a file is not a folder"),
    }
}

async fn failing_store(world: &mut World, alice: &mut Member) {
    let server = world.server();
    let hello = world.clients.encrypt(&mut alice.device, "hello");
    let send = Draft::new(Some(&alice.session), "POST", &path("/messages"));
    let send = send.with(SubmitMessage { message: hello.into() });
    let read = Draft::new(Some(&alice.session), "GET", &format!("{}?after=0", path("/log")));
    let before = server.dump();
    for (fault, expected) in [
        (StoreError::Overloaded, ProblemCode::Overloaded),
        (StoreError::Stopped, ProblemCode::Overloaded),
        (StoreError::Io(failure()), ProblemCode::Internal),
        (StoreError::Corrupt(failure()), ProblemCode::Internal),
        (StoreError::OutcomeUnknown(failure()), ProblemCode::OutcomeUnknown),
    ] {
        // The message is checked and then not written. Only writes have unknown outcomes.
        let mut failing = vec![(Failing::Writes, &send)];
        if expected != ProblemCode::OutcomeUnknown {
            failing.extend([(Failing::Reads, &send), (Failing::Reads, &read)]);
        }
        for (kind, draft) in failing {
            server.store().fail(Some((kind, fault)));
            assert_eq!(world.recorder.send(draft.clone()).await.code(), expected, "{kind:?}");
            server.store().fail(None);
        }
        assert!(server.dump() == before);
    }
    let receipt: Receipt = world.recorder.send(send.clone()).await.decode(200);
    assert_eq!(world.recorder.send(send).await.decode::<Receipt>(200), receipt);
    assert_eq!(world.recorder.send(read).await.status, 200);
}

async fn damaged_row(world: &mut World, alice: &Member) {
    let server = world.server();
    let before = server.dump();
    let damage = |rows: &mut dyn Transaction| Ok::<_, Refusal>(rows.put(b"a", b"damaged")?);
    server.store().write(&partition(&group_id()), 0, damage).await.unwrap();
    for below in ["/log", "/info"] {
        assert_eq!(world.get(alice, &path(below)).await.code(), ProblemCode::Internal);
    }
    server.store().restore(&before).await;
    assert_eq!(world.get(alice, &path("/info")).await.status, 200);
}

/// The bodies of all requests together have less room than this one needs.
async fn full_memory(world: &mut World, alice: &Member) {
    let mut low = limits();
    low.all = 1 << 10;
    let server = Server::with_limits(&world.clients, low);
    server.store().restore(&world.server().dump()).await;
    let contents = vec![7; 3 << 10];
    let target = format!("/v1/blobs/{}?expires={EXPIRES}", Digest::of(&contents));
    let put = Draft::new(Some(&alice.session), "PUT", &target).with_bytes(BYTES_MEDIA_TYPE, contents);
    assert_eq!(server.send(&put.sign()).await.code(), ProblemCode::Overloaded);
    assert_eq!(server.store().changes(), 0);
    assert_eq!(Arc::clone(&world.recorder.server).send(&put.sign()).await.status, 200);
}
