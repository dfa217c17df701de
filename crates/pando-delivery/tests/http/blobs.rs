//! Blobs over the network (docs/protocol.md, section 14).

use crate::clients::{Clients, SUITE};
use crate::fixture::NOW;
use crate::online::{Online, OnlineSession};
use pando_api::{Blob, Digest, ProblemCode};
use pando_delivery::http::BodyLimits;

const EXPIRES: u64 = NOW + 60_000;

async fn session() -> (Online, OnlineSession) {
    let mut clients = Clients::new();
    let online = Online::start(&clients.anchor, None, clients.remover(), BodyLimits::default()).await;
    let alice = clients.device("alice@example.org/laptop", 1);
    let session = online.log_in(SUITE, &alice.credential, &*alice.signer).await;
    (online, session)
}

fn target(contents: &[u8]) -> String {
    format!("/v1/blobs/{}", Digest::of(contents))
}

#[tokio::test]
async fn a_blob_is_stored_and_served_in_ranges() {
    let (online, mut session) = session().await;
    // Longer than the part that is read at a time.
    let contents: Vec<u8> = (0..2_500_000_u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
    let (target, put) = (target(&contents), format!("{}?expires={EXPIRES}", target(&contents)));
    assert_eq!(session.get(&target, &[]).await.code(), ProblemCode::NotFound);
    for _ in 0..2 {
        let blob: Blob = session.send("PUT", &put, &contents).await.decode(200);
        assert_eq!(blob, Blob { expires: EXPIRES, bytes: 2_500_000 });
    }
    let whole = session.get(&target, &[]).await;
    assert_eq!(whole.status.as_u16(), 200);
    assert_eq!(whole.headers["content-length"], "2500000");
    assert!(whole.body == contents);
    let part = session.get(&target, &[("range", "bytes=1048570-1048585")]).await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &contents[1_048_570..1_048_586]));
    assert_eq!(part.headers["content-range"], "bytes 1048570-1048585/2500000");
    let last = session.get(&target, &[("range", "bytes=-7")]).await;
    assert_eq!(last.body, contents[2_499_993..]);
    online.clock.set(EXPIRES);
    assert_eq!(session.get(&target, &[]).await.code(), ProblemCode::NotFound);
}

#[tokio::test]
async fn another_blob_than_the_digest_says_is_refused() {
    let (_online, mut session) = session().await;
    let target = target(b"contents");
    let put = format!("{target}?expires={EXPIRES}");
    // More than the uploads that the server admits at a time.
    for _ in 0..20 {
        assert_eq!(session.send("PUT", &put, b"others").await.code(), ProblemCode::Malformed);
    }
    assert_eq!(session.get(&target, &[]).await.code(), ProblemCode::NotFound);
    for query in ["", "?expires=", "?expires=1", "?until=1"] {
        let refused = session.send("PUT", &format!("{target}{query}"), b"contents").await;
        assert_eq!(refused.code(), ProblemCode::Malformed, "{query}");
    }
    session.send("PUT", &put, b"contents").await.decode::<Blob>(200);
    assert_eq!(session.send("PUT", &put, b"others").await.code(), ProblemCode::Malformed);
    let later = format!("{target}?expires={}", EXPIRES + 1);
    assert_eq!(session.send("PUT", &later, b"contents").await.code(), ProblemCode::IdempotencyConflict);
}
