//! A service in memory behind sockets, and sessions with it.

use crate::client::{Answer, Client, Server};
use crate::fixture::{Mutation, NOW, authenticator, authority, session_key, session_public_key};
use axum::body::Bytes;
use axum::http::Request;
use ed25519_dalek::{SigningKey, VerifyingKey};
use http_body_util::Full;
use pando_api::{Challenge, DeviceIdentities, Envelope, Login, ServerKey, Session};
use pando_delivery::http::{BodyLimits, Clock, ConnectionLimits, HttpSettings, router};
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::MemoryStore;
use pando_mls::{CipherSuite, Credential, RustCrypto, Signer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tls_codec::{DeserializeBytes, Serialize};
use zeroize::Zeroizing;

/// A clock that tests set.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl TestClock {
    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }
}

/// A running service.
pub(crate) struct Online {
    pub(crate) server: Server,
    pub(crate) service: Service<MemoryStore>,
    pub(crate) clock: TestClock,
}

impl Online {
    /// Starts a service that trusts an anchor and the feed of its domain, and proposes removals
    /// with `remover`.
    pub(crate) async fn start(
        anchor: &[u8],
        feed: Option<VerifyingKey>,
        remover: Box<dyn Signer>,
        limits: BodyLimits,
    ) -> Self {
        let domain = authority().domain().clone();
        let identities = DeviceIdentities::new(&RustCrypto, [(domain.clone(), anchor)]).unwrap();
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        let head_keys = vec![key.public()];
        let removers = vec![("ed25519", remover.public_key().clone())];
        let mut settings = Settings::new(domain.clone(), (key, []), vec![remover], Arc::new(identities));
        settings.feeds.extend(feed.map(|feed| (domain, feed)));
        // Commits are written in parts.
        settings.changes_at_once = 2;
        let service = Service::new(MemoryStore::new(), settings);
        let clock = TestClock(Arc::new(AtomicU64::new(NOW)));
        let (for_router, for_settings) = (service.clone(), clock.clone());
        let routes = |shutdown| {
            let mut settings = HttpSettings::new(authenticator(), head_keys, removers, shutdown);
            (settings.clock, settings.limits) = (Box::new(for_settings), limits);
            router(for_router, settings)
        };
        let server = Server::start(ConnectionLimits::default(), routes).await;
        Self { server, service, clock }
    }

    /// Logs in a device over its own connection.
    pub(crate) async fn log_in(
        &self,
        suite: CipherSuite,
        credential: &Credential,
        signer: &dyn Signer,
    ) -> OnlineSession {
        let mut client = self.server.http2().await;
        let challenge: Challenge =
            client.send(post("/v1/sessions/challenges", b"")).await.unwrap().decode(200);
        let login =
            Login::sign(&authority(), challenge, session_public_key(), (suite, credential.clone()), signer);
        let request = post("/v1/sessions", &Envelope::encode_body(login.unwrap()).unwrap());
        let session: Session = client.send(request).await.unwrap().decode(200);
        let authorization = format!("Bearer {}", session.token.as_str());
        OnlineSession { client, authorization, key: session_key() }
    }
}

/// A session of a device.
pub(crate) struct OnlineSession {
    client: Client,
    authorization: String,
    key: SigningKey,
}

impl OnlineSession {
    /// Sends a request that reads.
    pub(crate) async fn get(&mut self, target: &str, headers: &[(&'static str, &str)]) -> Answer {
        let mut request = Request::get(target).header("authorization", &self.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.client.send(request.body(Full::default()).unwrap()).await.unwrap()
    }

    /// Sends a mutation with a body in its envelope.
    pub(crate) async fn post<T>(&mut self, target: &str, body: T) -> Answer
    where
        T: std::fmt::Debug + Serialize + DeserializeBytes,
    {
        self.send("POST", target, &Envelope::encode_body(body).unwrap()).await
    }

    /// Sends a mutation.
    pub(crate) async fn send(&mut self, method: &'static str, target: &str, body: &[u8]) -> Answer {
        let request = Mutation::of_session(method, target, body, (&self.authorization, &self.key));
        self.client.send(request.request()).await.unwrap()
    }
}

/// Returns a request without a session.
pub(crate) fn post(target: &str, body: &[u8]) -> Request<Full<Bytes>> {
    let mut request = Request::post(target);
    if !body.is_empty() {
        request = request.header("content-type", "application/vnd.pando");
    }
    request.body(Full::from(body.to_vec())).unwrap()
}
