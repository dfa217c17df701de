//! Logins that end, and servers that are not the one that the client dials (docs/protocol.md,
//! sections 3.1 and 6.1).

use crate::clients::NOW;
use crate::server::{Endpoint, Requests, feed_key};
use crate::world::{Member, World, api};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use futures_util::future::join_all;
use pando_api::{Authority, ProblemCode, RevocationList, Revocations};
use pando_client::{CallError, DeliveryClient, LoginFailure, Outgoing, Transport, TransportError};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::test]
async fn concurrent_operations_wait_for_one_login() {
    let mut world = World::new().await;
    let alice = world.member("alice@example.org/laptop", 1);
    let results = join_all((0..16).map(|_| alice.api.list_groups())).await;
    assert!(results.iter().all(Result::is_ok));
    let requests = &world.server.requests;
    assert_eq!((requests.logins(), requests.count("GET /v1/groups")), (1, 16));
}

/// The description of the server needs no login.
#[tokio::test]
async fn a_login_happens_only_when_it_is_needed() {
    let mut world = World::new().await;
    let alice = world.member("alice@example.org/laptop", 1);
    alice.api.describe().await.unwrap();
    alice.api.check_health().await.unwrap();
    assert_eq!(world.server.requests.logins(), 0);
}

async fn revoke(world: &World, name: &str) {
    let domain = world.clients.domain.clone();
    let versions = [(name.parse().unwrap(), 1)].into_iter().collect();
    let revocations = Revocations::new(domain.clone(), 1, NOW, versions).unwrap();
    let list = RevocationList::sign(&revocations, &feed_key()).unwrap();
    world.server.service.replace_revocations(&domain, list, NOW).await.unwrap();
}

#[tokio::test]
async fn a_revoked_certificate_ends_the_client() {
    let mut world = World::new().await;
    let alice = world.member("alice@example.org/laptop", 1);
    alice.api.list_groups().await.unwrap();
    revoke(&world, "alice@example.org/laptop").await;
    // The session ends at once, and no later login succeeds.
    let refused = alice.api.list_groups().await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::CertificateRevoked));
    assert!(matches!(refused, CallError::Problem(_)));
    let (later, _) = api(&world.server, &alice.identity, world.server.transport());
    assert_eq!(later.list_groups().await, Err(LoginFailure::Revoked.into()));
    let before = world.server.requests.all().len();
    assert_eq!(later.list_groups().await, Err(LoginFailure::Revoked.into()));
    assert_eq!(world.server.requests.all().len(), before, "nothing is sent again");
    assert!(LoginFailure::Revoked.is_final());
}

#[tokio::test]
async fn a_superseded_certificate_ends_the_client() {
    let mut world = World::new().await;
    let old = world.member("alice@example.org/laptop", 1);
    let new = world.member("alice@example.org/laptop", 2);
    new.api.list_groups().await.unwrap();
    assert_eq!(old.api.list_groups().await, Err(LoginFailure::Superseded.into()));
    let before = world.server.requests.all().len();
    assert_eq!(old.api.list_groups().await, Err(LoginFailure::Superseded.into()));
    assert_eq!(world.server.requests.all().len(), before);
}

#[tokio::test]
async fn a_certificate_of_another_authority_does_not_log_in() {
    let mut world = World::new().await;
    let (alice, bob) =
        (world.member("alice@example.org/laptop", 1), world.member("bob@example.org/phone", 1));
    let stolen = pando_client::Device { credential: bob.identity.credential.clone(), ..alice.identity };
    let (thief, _) = api(&world.server, &stolen, world.server.transport());
    let Err(CallError::Login(LoginFailure::Refused(refusal))) = thief.list_groups().await else { panic!() };
    assert_eq!(refusal.problem.known_code(), Some(ProblemCode::LoginRefused));
}

/// Starts a server of another domain, which relays all requests to the server of `example.org`. If
/// `claims` is set, it claims this domain in its description.
async fn rogue(world: &World, claims: Option<&'static str>) -> (Endpoint, Requests, Authority) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let relay = move |request: Request, next: Next| async move {
        let is_description = request.uri().path() == "/.well-known/pando";
        let response = next.run(request).await;
        match claims.filter(|_| is_description) {
            Some(domain) => lie(response, domain).await,
            None => response,
        }
    };
    let (router, requests): (Router, _) =
        (world.server.router.clone().layer(from_fn(relay)), Requests::default());
    let endpoint = Endpoint::start(listener, "rogue.example", requests.recording(router));
    (endpoint, requests, Authority::new("rogue.example".parse().unwrap(), port).unwrap())
}

async fn lie(response: Response, domain: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let text = str::from_utf8(&text).unwrap().replace("example.org", domain);
    parts.headers.remove("content-length");
    Response::from_parts(parts, Body::from(text))
}

/// Returns the client of a device that dials a rogue server.
async fn victim(member: &Member, endpoint: &Endpoint, authority: Authority) -> Result<(), CallError> {
    let transport = endpoint.transport("rogue.example");
    let rng = ChaCha20Rng::seed_from_u64(7);
    let client =
        DeliveryClient::new(authority, member.identity.clone(), transport, member.clock.clone(), rng);
    client.list_groups().await.map(drop)
}

#[tokio::test]
async fn a_rogue_server_cannot_relay_a_login() {
    let mut world = World::new().await;
    let alice = world.member("alice@example.org/laptop", 1);
    // The description names the domain of the other server: nothing is signed for it.
    let (endpoint, requests, authority) = rogue(&world, None).await;
    let failure = victim(&alice, &endpoint, authority).await.unwrap_err();
    let (dialled, claimed) = ("rogue.example".to_owned(), "example.org".to_owned());
    assert_eq!(failure, LoginFailure::OtherDomain { dialled, claimed }.into());
    assert_eq!(requests.all(), ["GET /.well-known/pando"]);
    // The rogue server lies about its domain: the login is for it, and is refused by the other.
    let (endpoint, requests, authority) = rogue(&world, Some("rogue.example")).await;
    let failure = victim(&alice, &endpoint, authority).await.unwrap_err();
    let CallError::Login(LoginFailure::Refused(refusal)) = failure else { panic!("{failure:?}") };
    assert_eq!(refusal.problem.known_code(), Some(ProblemCode::LoginRefused));
    assert_eq!(requests.logins(), 1);
}

/// A transport without a server. It counts the requests.
#[derive(Default)]
struct Unreachable(AtomicUsize);

impl Transport for Unreachable {
    async fn send(&self, _: Outgoing) -> Result<http::Response<bytes::Bytes>, TransportError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(TransportError::NoAnswer("cut".to_owned()))
    }
}

#[tokio::test]
async fn concurrent_operations_share_the_failure_of_a_login() {
    let mut world = World::new().await;
    let transport = Arc::new(Unreachable::default());
    let alice = world.member_over("alice@example.org/laptop", 1, Arc::clone(&transport));
    let results = join_all((0..16).map(|_| alice.api.list_groups())).await;
    let failure = CallError::Login(TransportError::NoAnswer("cut".to_owned()).into());
    assert!(results.iter().all(|result| *result == Err(failure.clone())), "{results:?}");
    assert!(!failure.may_have_taken_effect(), "the operation itself was not sent");
    assert_eq!(transport.0.load(Ordering::Relaxed), 1);
    // A later operation tries again.
    assert_eq!(alice.api.list_groups().await, Err(failure));
    assert_eq!(transport.0.load(Ordering::Relaxed), 2);
}

/// A call that is dropped while it logs in does not block the others.
#[tokio::test]
async fn a_dropped_login_is_begun_again() {
    let mut world = World::new().await;
    let alice = world.member("alice@example.org/laptop", 1);
    let dropped = tokio::time::timeout(Duration::from_micros(1), alice.api.list_groups()).await;
    assert!(dropped.is_err());
    assert!(alice.api.list_groups().await.is_ok());
}
