//! Connections that the client refuses (docs/protocol.md, section 1).

use crate::clients::Clients;
use crate::server::{Endpoint, Server};
use crate::world::World;
use axum::Router;
use bytes::Bytes;
use pando_client::{
    CallError, HttpError, HttpSettings, HttpTransport, LoginFailure, Outgoing, Transport, TransportError,
    UrlError, authority_of_url,
};
use std::time::Duration;
use tokio::net::TcpListener;

fn get(url: &str) -> Outgoing {
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    Outgoing { request, answer_limit: 1_000, wait: Duration::ZERO }
}

#[tokio::test]
async fn a_server_with_another_certificate_is_not_trusted() {
    let mut world = World::new().await;
    // A certificate for the same host of another authority, and one for another host.
    for (host, version) in [("example.org", 1), ("example.com", 2)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = Endpoint::start(listener, host, Router::new());
        let mut settings = HttpSettings::default();
        settings.addresses = vec![("example.org".parse().unwrap(), world.server.endpoint.address)];
        let transport = HttpTransport::new(other.certificate.as_bytes(), &settings).unwrap();
        let alice = world.member_over("alice@example.org/laptop", version, transport);
        let error = alice.api.list_groups().await.unwrap_err();
        let CallError::Login(LoginFailure::Transport(TransportError::NotSent(why))) = &error else {
            panic!("{error:?}")
        };
        assert!(why.contains("certificate"), "{why}");
        assert!(!error.may_have_taken_effect());
    }
    // The right certificate, but the client dials another host.
    let transport = world.server.endpoint.transport("example.com");
    let url = format!("https://example.com:{}/healthz", world.server.endpoint.address.port());
    let error = transport.send(get(&url)).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    assert!(world.server.requests.all().is_empty());
}

#[tokio::test]
async fn plain_http_is_refused() {
    let server = Server::start(&Clients::new()).await;
    let port = server.endpoint.address.port();
    let url = format!("http://example.org:{port}/healthz");
    let error = server.transport().send(get(&url)).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    assert_eq!(authority_of_url(&format!("http://example.org:{port}")), Err(UrlError::Scheme));
    let url = format!("https://example.org:{port}");
    assert_eq!(authority_of_url(&url), Ok(server.authority.clone()));
    let answer = server.transport().send(get(&format!("{url}/healthz"))).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"ok\n"[..]));
}

#[tokio::test]
async fn roots_are_required() {
    let new = |roots: &[u8]| HttpTransport::new(roots, &HttpSettings::default()).unwrap_err();
    assert!(matches!(new(b""), HttpError::NoRoot));
    assert!(matches!(
        new(b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"),
        HttpError::Root(_)
    ));
    assert!(matches!(new(b"-----BEGIN CERTIFICATE-----\n!"), HttpError::Pem(_)));
}

#[tokio::test]
async fn a_server_that_does_not_listen_was_not_sent_anything() {
    let server = Server::start(&Clients::new()).await;
    let (transport, port) = (server.transport(), server.endpoint.address.port());
    server.endpoint.stop().await;
    let error = transport.send(get(&format!("https://example.org:{port}/healthz"))).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
}

/// A server that accepts connections and is silent.
#[tokio::test]
async fn silence_times_out() {
    let server = Server::start(&Clients::new()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut settings = HttpSettings::default();
    settings.connect = Duration::from_millis(50);
    settings.addresses = vec![("example.org".parse().unwrap(), address)];
    let transport = HttpTransport::new(server.endpoint.certificate.as_bytes(), &settings).unwrap();
    let url = format!("https://example.org:{}/healthz", address.port());
    let error = transport.send(get(&url)).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    // A connection, but no answer.
    let silent = Router::new().fallback(std::future::pending::<()>);
    let endpoint = Endpoint::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), "example.org", silent);
    let mut settings = HttpSettings::default();
    settings.pause = Duration::from_millis(50);
    let transport = endpoint.transport_with("example.org", settings);
    let url = format!("https://example.org:{}/healthz", endpoint.address.port());
    let error = transport.send(get(&url)).await.unwrap_err();
    assert!(matches!(error, TransportError::NoAnswer(_)), "{error}");
}

/// Redirects would send the token elsewhere.
#[tokio::test]
async fn redirects_are_not_followed() {
    let redirect = || async {
        http::Response::builder()
            .status(307)
            .header("location", "/other")
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let router = Router::new().fallback(redirect);
    let endpoint = Endpoint::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), "example.org", router);
    let url = format!("https://example.org:{}/healthz", endpoint.address.port());
    let answer = endpoint.transport("example.org").send(get(&url)).await.unwrap();
    assert_eq!(answer.status().as_u16(), 307);
}

/// The length of the answer is not announced.
#[tokio::test]
async fn an_endless_answer_is_read_to_its_limit() {
    let endless = || async {
        let part = Ok::<_, std::convert::Infallible>(Bytes::from_static(&[7; 100]));
        http::Response::new(axum::body::Body::from_stream(futures_util::stream::repeat(part)))
    };
    let router = Router::new().fallback(endless);
    let endpoint = Endpoint::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), "example.org", router);
    let url = format!("https://example.org:{}/healthz", endpoint.address.port());
    let error = endpoint.transport("example.org").send(get(&url)).await.unwrap_err();
    assert_eq!(error, TransportError::AnswerTooLarge);
}

/// A server holds its answer back during a long poll.
#[tokio::test]
async fn a_long_poll_does_not_time_out() {
    let slow = || tokio::time::sleep(Duration::from_millis(80));
    let router = Router::new().fallback(slow);
    let endpoint = Endpoint::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), "example.org", router);
    let mut settings = HttpSettings::default();
    settings.pause = Duration::from_millis(50);
    let transport = endpoint.transport_with("example.org", settings);
    let url = format!("https://example.org:{}/healthz", endpoint.address.port());
    let error = transport.send(get(&url)).await.unwrap_err();
    assert!(matches!(error, TransportError::NoAnswer(_)), "{error}");
    let patient = Outgoing { wait: Duration::from_secs(60), ..get(&url) };
    assert_eq!(transport.send(patient).await.unwrap().status().as_u16(), 200);
}
