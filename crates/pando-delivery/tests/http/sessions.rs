//! Logins and sessions over the network (docs/protocol.md, sections 5 and 6).

use crate::fixture::{Devices, NOW, SUITE, authority};
use crate::online::{Online, post};
use pando_api::{Challenge, Envelope, InboxPage, MAX_TOKEN_VALIDITY, ProblemCode};
use pando_delivery::http::BodyLimits;
use pando_mls::{CryptoProvider, RustCrypto};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;

async fn online(devices: &Devices) -> Online {
    let suite = RustCrypto.suite(SUITE).unwrap();
    let key = suite.signature_generate_key(&mut ChaCha20Rng::seed_from_u64(8)).unwrap();
    let remover = suite.signer(&key).unwrap();
    let (anchor, feed) = (devices.issuer.anchor(), devices.issuer.feed_key());
    Online::start(anchor, Some(feed), remover, BodyLimits::default()).await
}

#[tokio::test]
async fn the_server_describes_itself() {
    let online = online(&Devices::new()).await;
    let mut client = online.server.http1().await;
    let answer = client.get("/.well-known/pando").await.unwrap();
    assert_eq!(answer.headers["content-type"], "application/json");
    let description: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(description["versions"], serde_json::json!(["v1"]));
    assert_eq!(description["domain"], "example.org");
    assert_eq!(description["keys"][0].as_str().unwrap().len(), 43);
    assert_eq!(description["removers"]["ed25519"].as_str().unwrap().len(), 43);
    assert!(description["limits"]["message_bytes"].as_u64().unwrap() > 0);
    assert_eq!(client.get("/healthz").await.unwrap().status.as_u16(), 200);
}

#[tokio::test]
async fn a_nonce_logs_in_once() {
    let mut devices = Devices::new();
    let online = online(&devices).await;
    let device = devices.device("alice@example.org/laptop", 3);
    let mut client = online.server.http2().await;
    let answer = client.send(post("/v1/sessions/challenges", b"")).await.unwrap();
    let challenge: Challenge = answer.decode(200);
    let login = Envelope::encode_body(device.login(&authority(), challenge.clone())).unwrap();
    assert_eq!(client.send(post("/v1/sessions", &login)).await.unwrap().status.as_u16(), 200);
    let repeated = client.send(post("/v1/sessions", &login)).await.unwrap();
    assert_eq!(repeated.code(), ProblemCode::LoginRefused);
    let rogue = device.login(&"rogue.example".parse().unwrap(), challenge);
    let rogue = post("/v1/sessions", &Envelope::encode_body(rogue).unwrap());
    assert_eq!(client.send(rogue).await.unwrap().code(), ProblemCode::LoginRefused);
}

#[tokio::test]
async fn challenges_differ() {
    let online = online(&Devices::new()).await;
    let mut client = online.server.http2().await;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let answer = client.send(post("/v1/sessions/challenges", b"")).await.unwrap();
        nonces.push(answer.decode::<Challenge>(200).nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let mut devices = Devices::new();
    let online = online(&devices).await;
    let device = devices.device("alice@example.org/laptop", 3);
    let mut session = online.log_in(device.suite, &device.credential, &*device.signer).await;
    assert_eq!(session.get("/v1/inbox", &[]).await.decode::<InboxPage>(200), InboxPage::default());
    online.clock.set(NOW + MAX_TOKEN_VALIDITY);
    let answer = session.get("/v1/inbox", &[]).await;
    assert_eq!(answer.code(), ProblemCode::TokenExpired);
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn a_higher_version_supersedes_the_login_of_a_lower_one() {
    let mut devices = Devices::new();
    let online = online(&devices).await;
    let old = devices.device("alice@example.org/laptop", 3);
    let new = devices.device("alice@example.org/laptop", 4);
    online.log_in(new.suite, &new.credential, &*new.signer).await;
    let mut client = online.server.http2().await;
    let challenge = client.send(post("/v1/sessions/challenges", b"")).await.unwrap().decode(200);
    let login = Envelope::encode_body(old.login(&authority(), challenge)).unwrap();
    let refused = client.send(post("/v1/sessions", &login)).await.unwrap();
    assert_eq!(refused.code(), ProblemCode::CertificateSuperseded);
}

#[tokio::test]
async fn a_revocation_ends_sessions_and_logins() {
    let mut devices = Devices::new();
    let online = online(&devices).await;
    let device = devices.device("alice@example.org/laptop", 3);
    let mut session = online.log_in(device.suite, &device.credential, &*device.signer).await;
    let list = devices.issuer.revoke(&"alice@example.org/laptop".parse().unwrap(), 3, NOW).unwrap();
    online.service.replace_revocations(authority().domain(), list, NOW).await.unwrap();
    assert_eq!(session.get("/v1/inbox", &[]).await.code(), ProblemCode::CertificateRevoked);
    assert_eq!(session.send("DELETE", "/v1/inbox/1", b"").await.code(), ProblemCode::CertificateRevoked);
    let mut client = online.server.http2().await;
    let challenge = client.send(post("/v1/sessions/challenges", b"")).await.unwrap().decode(200);
    let login = Envelope::encode_body(device.login(&authority(), challenge)).unwrap();
    let refused = client.send(post("/v1/sessions", &login)).await.unwrap();
    assert_eq!(refused.code(), ProblemCode::CertificateRevoked);
}
