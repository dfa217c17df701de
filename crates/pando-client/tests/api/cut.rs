//! Connections that are cut before a request or after it.

use crate::clients::{Clients, group_id};
use crate::server::Server;
use crate::world::World;
use bytes::Bytes;
use futures_util::future::join;
use pando_api::EntryKind;
use pando_client::{CallError, HttpSettings, HttpTransport};
use pando_delivery::http::BodyLimits;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;

/// The state of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Forwards all bytes.
    Open,
    /// Forwards the bytes of the client, and drops those of the server.
    DropAnswers,
    /// Closes a connection after this number of bytes of the server.
    CutAfter(usize),
    /// Closes all connections.
    Closed,
}

/// A proxy of TCP.
struct Proxy {
    mode: watch::Sender<Mode>,
    address: SocketAddr,
}

impl Proxy {
    /// Starts a proxy at a listener to a server.
    fn start(listener: TcpListener, server: SocketAddr) -> Self {
        let (mode, modes) = watch::channel(Mode::Open);
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server, modes.clone()));
            }
        });
        Self { mode, address }
    }
}

async fn forward(client: TcpStream, server: SocketAddr, modes: watch::Receiver<Mode>) {
    let server = TcpStream::connect(server).await.unwrap();
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let mut closing = modes.clone();
    let answers = async {
        let (mut buffer, mut counted) = (vec![0; 16 << 10], 0);
        while let Ok(length) = from_server.read(&mut buffer).await {
            let mode = *modes.borrow();
            counted = if matches!(mode, Mode::CutAfter(_)) { counted + length } else { 0 };
            let is_cut = matches!(mode, Mode::CutAfter(limit) if counted > limit);
            let forwards = mode != Mode::DropAnswers;
            if length == 0 || is_cut || forwards && to_client.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    select! {
        () = answers => (),
        _ = copy(&mut from_client, &mut to_server) => (),
        _ = closing.wait_for(|mode| *mode == Mode::Closed) => (),
    }
}

/// Returns a server behind a proxy, and a transport to the proxy.
async fn proxied() -> (World, Proxy, HttpTransport) {
    let clients = Clients::new();
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let back = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, address) = (front.local_addr().unwrap().port(), back.local_addr().unwrap());
    let server = Server::start_at(&clients, back, port, BodyLimits::default());
    let proxy = Proxy::start(front, address);
    let mut settings = HttpSettings::default();
    settings.addresses = vec![("example.org".parse().unwrap(), proxy.address)];
    let transport = HttpTransport::new(server.endpoint.certificate.as_bytes(), &settings).unwrap();
    (World { clients, server }, proxy, transport)
}

#[tokio::test]
async fn a_connection_cut_after_the_request_leaves_the_outcome_open() {
    let (mut world, proxy, transport) = proxied().await;
    let mut alice = world.member_over("alice@example.org/laptop", 1, transport);
    world.create(&mut alice).await;
    let message = world.clients.encrypt(&mut alice.device, "at five?");
    let send = || alice.api.submit_message(group_id(), message.clone().into());
    proxy.mode.send_replace(Mode::DropAnswers);
    let cut = async {
        let service = &world.server.service;
        loop {
            let head = service.group_state(&alice.device.caller, &group_id()).await.unwrap().head;
            if head.head.seq == 2 {
                proxy.mode.send_replace(Mode::Closed);
                return head;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (sent, head) = join(send(), cut).await;
    let error = sent.unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown(_)) && error.may_have_taken_effect(), "{error:?}");
    // The server has the message, and answers the same request in the same way.
    proxy.mode.send_replace(Mode::Open);
    let receipt = send().await.unwrap();
    assert_eq!((receipt.kind, receipt.head), (EntryKind::Application, head));
    assert_eq!(world.server.requests.logins(), 1, "the session outlives the connection");
}

#[tokio::test]
async fn a_connection_cut_before_the_request_was_not_sent_anything() {
    let (mut world, proxy, transport) = proxied().await;
    let mut alice = world.member_over("alice@example.org/laptop", 1, transport);
    world.create(&mut alice).await;
    let before = world.server.requests.all().len();
    let message = world.clients.encrypt(&mut alice.device, "at five?");
    let send = || alice.api.submit_message(group_id(), message.clone().into());
    proxy.mode.send_replace(Mode::Closed);
    // The client notices that its connection is closed, and connects again.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = send().await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)) && !error.may_have_taken_effect(), "{error:?}");
    assert_eq!(world.server.requests.all().len(), before);
    proxy.mode.send_replace(Mode::Open);
    assert_eq!(send().await.unwrap().head.head.seq, 2);
}

/// The connection is cut in the middle of a long answer.
#[tokio::test]
async fn a_cut_answer_is_not_an_answer() {
    let (mut world, proxy, transport) = proxied().await;
    let alice = world.member_over("alice@example.org/laptop", 1, transport);
    let contents: Bytes = vec![7; 8 << 20].into();
    let digest = pando_api::Digest::of(&contents);
    alice.api.store_blob(contents.clone(), crate::world::EXPIRES).await.unwrap();
    proxy.mode.send_replace(Mode::CutAfter(1 << 20));
    let error = alice.api.read_blob(digest).await.unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown(_)), "{error:?}");
    proxy.mode.send_replace(Mode::Open);
    assert_eq!(alice.api.read_blob(digest).await.unwrap().bytes, contents);
}
