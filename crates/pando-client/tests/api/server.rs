//! A delivery service in memory behind TLS, which records the requests.

use crate::clients::{Clients, NOW};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::SigningKey;
use pando_api::{Authority, DeviceIdentities, ServerKey};
use pando_client::{HttpSettings, HttpTransport};
use pando_delivery::http::{
    Authenticator, BodyLimits, ConnectionLimits, HttpSettings as ServerSettings, ShutdownSender, TokenKey,
    router, serve, tls_config,
};
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::MemoryStore;
use pando_mls::RustCrypto;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// A clock that tests set, of a server or of a client.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW)))
    }

    /// Sets the time, in seconds after the start of the tests.
    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(NOW + seconds * 1_000, Ordering::Relaxed);
    }
}

impl pando_delivery::http::Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl pando_client::Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The key that signs lists of revocations.
pub(crate) fn feed_key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// The requests that a server has received: methods and targets.
#[derive(Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the number of requests whose text begins with `prefix`.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.all().iter().filter(|request| request.starts_with(prefix)).count()
    }

    /// Returns the number of logins.
    pub(crate) fn logins(&self) -> usize {
        self.all().iter().filter(|request| *request == "POST /v1/sessions").count()
    }

    /// Waits for a request whose text begins with `prefix`.
    pub(crate) async fn wait_for(&self, prefix: &str) {
        while self.count(prefix) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns a router that records the requests to `router`.
    pub(crate) fn recording(&self, router: Router) -> Router {
        let requests = self.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let text = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
            requests.0.lock().unwrap().push(text);
            next.run(request)
        }))
    }
}

/// A TLS endpoint with a certificate for one host.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    /// The certificate in the format PEM.
    pub(crate) certificate: String,
    /// Its key in the format PEM.
    key: String,
    shutdown: ShutdownSender,
    task: JoinHandle<()>,
}

impl Endpoint {
    /// Serves a router to clients that dial `host`.
    pub(crate) fn start(listener: TcpListener, host: &str, router: Router) -> Self {
        let issued = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let certificate = pem("CERTIFICATE", issued.cert.der());
        let key = pem("PRIVATE KEY", issued.signing_key.serialized_der());
        Self::start_with(listener, (certificate, key), router)
    }

    fn start_with(listener: TcpListener, (certificate, key): (String, String), router: Router) -> Self {
        let address = listener.local_addr().unwrap();
        let tls = tls_config(certificate.as_bytes(), key.as_bytes()).unwrap();
        let (shutdown, signal) = ShutdownSender::new();
        let task = tokio::spawn(serve(listener, tls, router, ConnectionLimits::default(), signal));
        Self { address, certificate, key, shutdown, task }
    }

    /// Closes all connections at once, as a crash does.
    #[allow(dead_code, reason = "only the tests of the client let servers crash")]
    pub(crate) async fn kill(&mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    /// Starts a killed endpoint again, with the same address and certificate.
    #[allow(dead_code, reason = "only the tests of the client let servers crash")]
    pub(crate) async fn restart(&mut self, router: Router) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        *self = Self::start_with(listener, (self.certificate.clone(), self.key.clone()), router);
    }

    /// Stops the server.
    pub(crate) async fn stop(self) {
        self.shutdown.send();
        self.task.await.unwrap();
    }

    /// Returns a transport that trusts this endpoint, and reaches it as `host`.
    pub(crate) fn transport(&self, host: &str) -> HttpTransport {
        self.transport_with(host, HttpSettings::default())
    }

    pub(crate) fn transport_with(&self, host: &str, mut settings: HttpSettings) -> HttpTransport {
        settings.addresses = vec![(host.parse().unwrap(), self.address)];
        HttpTransport::new(self.certificate.as_bytes(), &settings).unwrap()
    }
}

/// A delivery service of `example.org`.
pub(crate) struct Server {
    pub(crate) authority: Authority,
    pub(crate) service: Service<MemoryStore>,
    pub(crate) clock: TestClock,
    pub(crate) requests: Requests,
    pub(crate) endpoint: Endpoint,
    /// The router without the recording of requests.
    pub(crate) router: Router,
    _shutdown: ShutdownSender,
}

impl Server {
    /// Starts a service that admits the clients.
    pub(crate) async fn start(clients: &Clients) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self::start_at(clients, listener, port, BodyLimits::default())
    }

    /// Starts a service that clients reach through another port than that of the listener.
    pub(crate) fn start_at(clients: &Clients, listener: TcpListener, port: u16, limits: BodyLimits) -> Self {
        let (domain, remover) = (clients.domain.clone(), clients.remover());
        let authority = Authority::new(domain.clone(), port).unwrap();
        let identities = DeviceIdentities::new(&RustCrypto, [(domain.clone(), &clients.anchor)]).unwrap();
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        let head_keys = vec![key.public()];
        let removers = vec![("ed25519", remover.public_key().clone())];
        let mut settings = Settings::new(domain.clone(), (key, []), vec![remover], Arc::new(identities));
        settings.feeds.insert(domain, feed_key().verifying_key());
        let service = Service::new(MemoryStore::new(), settings);
        let clock = TestClock::new();
        let key = TokenKey::from_secret(&Zeroizing::new([3; 32]));
        let authenticator = Authenticator { authority: authority.clone(), key };
        let (shutdown, signal) = ShutdownSender::new();
        let mut settings = ServerSettings::new(authenticator, head_keys, removers, signal);
        (settings.clock, settings.limits) = (Box::new(clock.clone()), limits);
        let (router, requests) = (router(service.clone(), settings), Requests::default());
        let endpoint = Endpoint::start(listener, "example.org", requests.recording(router.clone()));
        Self { authority, service, clock, requests, endpoint, router, _shutdown: shutdown }
    }

    /// Returns a transport to this server.
    pub(crate) fn transport(&self) -> HttpTransport {
        self.endpoint.transport("example.org")
    }

    /// Runs the work that is due.
    pub(crate) async fn run_due(&self) {
        assert_eq!(self.service.run_due(NOW).await, Ok(0));
    }
}

/// Encodes contents in the format PEM.
fn pem(label: &str, contents: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(contents);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
