//! The server: connections, TLS and HTTP (docs/protocol.md, section 1).
//!
//! # Left out on purpose
//!
//! Limits by address and rates. HTTP requests that cannot be parsed are refused by the library
//! hyper, with an empty body.

use super::io::{Watch, Watched};
use super::plain;
use super::shutdown::Shutdown;
use super::tls::HTTP2;
use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The limits of connections.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConnectionLimits {
    /// The most connections at a time. Further connections wait in the queue of the operating
    /// system.
    pub connections: usize,
    /// The most requests at a time on a connection with HTTP/2.
    pub streams: u32,
    /// The longest time for the handshake of TLS.
    pub handshake: Duration,
    /// The longest time in which a client sends the head of a request.
    pub head: Duration,
    /// The time without any byte after which a connection is closed. It is longer than a client
    /// may wait for an entry of the log.
    pub idle: Duration,
    /// The longest time for requests to end after the server was told to shut down.
    pub shutdown: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            streams: 256,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            shutdown: Duration::from_secs(10),
        }
    }
}

/// The pause after the operating system refused a connection, for example because the process has
/// too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The interval of pings on connections with HTTP/2, and the longest time for an answer.
const PING_INTERVAL: Duration = Duration::from_secs(25);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Accepts connections and serves requests until the signal to shut down. Then it stops accepting,
/// lets the requests end that have begun, and returns when they have ended or their time is over.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    limits: ConnectionLimits,
    mut shutdown: Shutdown,
) {
    let acceptor = TlsAcceptor::from(tls);
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&permits).acquire_owned() => permit,
            () = shutdown.wait() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.wait() => break,
        };
        // Connections that have ended are forgotten, so that the set does not grow.
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let connection = Connection { router: router.clone(), limits, shutdown: shutdown.clone() };
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let _permit = permit;
            connection.run(stream, &acceptor).await;
        });
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // The connections that are left are closed when the set is dropped.
    let _ = time::timeout(limits.shutdown, ended).await;
}

/// The state of one connection.
struct Connection {
    router: Router,
    limits: ConnectionLimits,
    shutdown: Shutdown,
}

impl Connection {
    /// Serves the requests of a connection. Errors of a connection concern only its client, so they
    /// are not reported.
    async fn run(mut self, stream: TcpStream, acceptor: &TlsAcceptor) {
        // Responses are written as a whole, so waiting for more bytes would only delay them.
        let _ = stream.set_nodelay(true);
        let (handshake, limit) = (handshake(stream, acceptor), self.limits.handshake);
        let stream = tokio::select! {
            stream = time::timeout(limit, handshake) => stream,
            () = self.shutdown.wait() => return,
        };
        let Ok(Some((stream, watch))) = stream else { return };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        let service = TowerToHyperService::new(self.router);
        let (io, limits, shutdown) = (TokioIo::new(stream), self.limits, &mut self.shutdown);
        // The two types of connections have the same methods, but no trait.
        macro_rules! drive {
            ($connection:expr) => {{
                let mut connection = pin!($connection);
                tokio::select! {
                    _ = connection.as_mut() => return,
                    () = watch.idle(limits.idle) => return,
                    () = shutdown.wait() => connection.as_mut().graceful_shutdown(),
                }
                let _ = connection.await;
            }};
        }
        if is_http2 {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .max_concurrent_streams(limits.streams)
                .keep_alive_interval(PING_INTERVAL)
                .keep_alive_timeout(PING_TIMEOUT);
            drive!(builder.serve_connection(io, service));
        } else {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(limits.head);
            drive!(builder.serve_connection(io, service));
        }
    }
}

/// A stream after the handshake, and its watch.
type Accepted = (TlsStream<Watched<TcpStream>>, Watch);

/// Performs the handshake of TLS. Tells a client that does not speak TLS.
async fn handshake(stream: TcpStream, acceptor: &TlsAcceptor) -> Option<Accepted> {
    if plain::is_plain(&stream).await.ok()? {
        let _: io::Result<()> = plain::refuse(stream).await;
        return None;
    }
    let (stream, watch) = Watched::new(stream);
    let stream = acceptor.accept(stream).await.ok()?;
    Some((stream, watch))
}
