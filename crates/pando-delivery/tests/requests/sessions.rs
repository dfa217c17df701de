//! Sessions of certificates that are revoked or superseded (docs/protocol.md, sections 3.1, 6.2 and
//! 10), against every recorded request.

use crate::clients::NOW;
use crate::outcome::{Outcome, outcome};
use crate::server::{Server, feed_key};
use crate::world::World;
use pando_api::{ClientId, ProblemCode, RevocationList, Revocations};
use pando_delivery::group::Caller;

/// Returns the clients that have sessions in the recording.
fn clients() -> [ClientId; 4] {
    [
        "alice@example.org/laptop",
        "bob@example.org/phone",
        "carol@example.org/phone",
        "mallory@example.org/phone",
    ]
    .map(|client| client.parse().unwrap())
}

/// Revokes the first versions of clients at a server.
pub(crate) async fn revoke(server: &Server, clients: &[ClientId]) {
    let versions = clients.iter().map(|client| (client.clone(), 1)).collect();
    let domain = server.service.settings().domain.clone();
    let revocations = Revocations::new(domain.clone(), 1, NOW, versions).unwrap();
    let list = RevocationList::sign(&revocations, &feed_key()).unwrap();
    server.service.replace_revocations(&domain, list, NOW).await.unwrap();
}

#[tokio::test]
async fn a_revoked_certificate_ends_every_operation() {
    let Outcome { clients: authority, server, exchanges, .. } = outcome().await;
    let server = server.fork(authority).await;
    revoke(&server, &clients()).await;
    let mut refused = 0;
    for exchange in exchanges.iter().filter(|exchange| exchange.draft.session.is_some()) {
        let code = server.refused(&exchange.wire, "revoked").await;
        assert_eq!(code, ProblemCode::CertificateRevoked, "{exchange:?}");
        refused += 1;
    }
    assert!(refused >= 35, "{refused}");
}

/// A session from before a login with a higher version may be a thief's.
#[tokio::test]
async fn a_superseded_session_ends_every_operation() {
    let Outcome { clients: authority, server, exchanges, .. } = outcome().await;
    let server = server.fork(authority).await;
    for client in clients() {
        let newer = Caller { version: 2, client };
        let nonce = (newer.client.as_str().as_bytes().to_vec(), NOW + 1_000);
        server.service.record_login(&newer, nonce, NOW).await.unwrap();
    }
    let mut refused = 0;
    for exchange in exchanges.iter().filter(|exchange| exchange.draft.session.is_some()) {
        let code = server.refused(&exchange.wire, "superseded").await;
        assert_eq!(code, ProblemCode::CertificateSuperseded, "{exchange:?}");
        refused += 1;
    }
    assert!(refused >= 35, "{refused}");
}

/// The same for requests that are new, and whose messages contain no certificate.
#[tokio::test]
async fn a_superseded_session_sends_no_commits_and_proposals_without_a_leaf() {
    let (mut world, [mut alice, bob, _]) = World::with_three().await;
    world.log_in("alice@example.org/laptop", 2).await;
    let erin = world.clients.device("erin@example.org/phone", 1);
    let key_package = world.clients.bundle(&erin).key_package;
    let add = world.clients.build_commit(&mut alice.device, None, |commit| commit.add(key_package));
    assert_eq!(world.commit(&alice, add).await.code(), ProblemCode::CertificateSuperseded);
    world.clients.clear(&mut alice.device);
    let remove = world.build_removal(&mut alice, 2, b"");
    assert_eq!(world.message(&alice, &remove).await.code(), ProblemCode::CertificateSuperseded);
    assert_eq!(world.head(&bob).await.head.seq, 2, "nothing was sent");
}
