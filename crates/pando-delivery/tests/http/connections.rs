//! TLS, connections, and shutting down (docs/protocol.md, section 1).

use crate::client::{Server, body};
use axum::Router;
use axum::routing::get;
use pando_api::{Problem, ProblemCode};
use pando_delivery::http::{ConnectionLimits, Shutdown};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const MOMENT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

/// Returns paths that answer at once, that answer at the signal to shut down, and that never
/// answer.
fn router(signal: Shutdown) -> Router {
    let wait = move || {
        let mut signal = signal.clone();
        async move {
            signal.wait().await;
            body("woken")
        }
    };
    Router::new()
        .route("/now", get(|| async { body("now") }))
        .route("/wait", get(wait))
        .route("/never", get(std::future::pending::<()>))
}

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
}

#[tokio::test]
async fn both_versions_of_http_are_served() {
    let server = Server::start(limits(), router).await;
    for mut client in [server.http1().await, server.http2().await] {
        for _ in 0..3 {
            let answer = client.get("/now").await.unwrap();
            assert_eq!((answer.status.as_u16(), answer.body), (200, "now".into()));
        }
    }
}

#[tokio::test]
async fn only_tls_1_3_with_a_hybrid_key_exchange_is_preferred() {
    let server = Server::start(limits(), router).await;
    assert!(server.tls(&[&rustls::version::TLS12], b"h2").await.is_err());
    let stream = server.tls(rustls::ALL_VERSIONS, b"h2").await.unwrap();
    let connection = stream.get_ref().1;
    assert_eq!(connection.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let group = connection.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
    // A client that speaks neither version of HTTP.
    assert!(server.tls(&[&rustls::version::TLS13], b"imap").await.is_err());
}

#[tokio::test]
async fn plain_http_is_refused_with_a_problem() {
    let server = Server::start(limits(), router).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /now HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, json) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    let problem = Problem::from_json(json.as_bytes()).unwrap();
    assert_eq!(problem.known_code(), Some(ProblemCode::Malformed));
    assert!(problem.detail.contains("TLS"));
}

#[tokio::test]
async fn connections_above_the_limit_wait() {
    let mut limits = limits();
    limits.connections = 2;
    let server = Server::start(limits, router).await;
    let mut first = server.http1().await;
    let mut second = server.http1().await;
    assert_eq!(first.get("/now").await.unwrap().body, "now");
    assert_eq!(second.get("/now").await.unwrap().body, "now");
    let mut third = Box::pin(server.http1());
    assert!(timeout(MOMENT, &mut third).await.is_err());
    drop(first);
    let mut third = timeout(LONG, third).await.unwrap();
    assert_eq!(third.get("/now").await.unwrap().body, "now");
}

#[tokio::test]
async fn silent_clients_are_disconnected() {
    let mut limits = limits();
    (limits.handshake, limits.head, limits.idle) = (MOMENT, LONG, MOMENT);
    let server = Server::start(limits, router).await;
    let mut buffer = [0; 64];
    // Before the handshake.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(timeout(LONG, stream.read(&mut buffer)).await.unwrap().unwrap(), 0);
    // After the handshake, before a request, with each version of HTTP.
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let mut stream = server.tls(&[&rustls::version::TLS13], protocol).await.unwrap();
        while let Ok(1..) = timeout(LONG, stream.read(&mut buffer)).await.unwrap() {}
    }
    // A response that does not come does not keep the connection.
    let mut client = server.http1().await;
    assert!(timeout(LONG, client.get("/never")).await.unwrap().is_err());
}

#[tokio::test]
async fn the_head_of_a_request_takes_a_limited_time() {
    let mut limits = limits();
    limits.head = MOMENT;
    let server = Server::start(limits, router).await;
    let mut stream = server.tls(&[&rustls::version::TLS13], b"http/1.1").await.unwrap();
    let mut buffer = [0; 64];
    let slow = async {
        loop {
            if stream.write_all(b"GET /now HTTP/1.1\r\nx: y\r\n").await.is_err() {
                break;
            }
            match timeout(MOMENT / 4, stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => break,
                _ => continue,
            }
        }
    };
    timeout(LONG, slow).await.unwrap();
}

#[tokio::test]
async fn shutting_down_lets_requests_end() {
    let server = Server::start(limits(), router).await;
    let (mut one, mut two) = (server.http1().await, server.http2().await);
    assert_eq!(two.get("/now").await.unwrap().body, "now");
    let waiting = tokio::spawn(async move { tokio::join!(one.get("/wait"), two.get("/wait")) });
    tokio::time::sleep(MOMENT).await;
    server.shutdown.send();
    timeout(LONG, server.task).await.unwrap().unwrap();
    let (one, two) = timeout(LONG, waiting).await.unwrap().unwrap();
    assert_eq!((one.unwrap().body, two.unwrap().body), ("woken".into(), "woken".into()));
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn shutting_down_takes_a_limited_time() {
    let mut limits = limits();
    limits.shutdown = MOMENT;
    let server = Server::start(limits, router).await;
    let mut client = server.http1().await;
    let waiting = tokio::spawn(async move { client.get("/never").await.is_err() });
    tokio::time::sleep(MOMENT).await;
    server.shutdown.send();
    timeout(LONG, server.task).await.unwrap().unwrap();
    assert!(waiting.await.unwrap());
}
