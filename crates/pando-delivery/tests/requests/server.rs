//! A server without sockets: the real router and service over a store that is watched.

use crate::clients::{Clients, NOW};
use crate::requests::{Answer, Wire};
use crate::store::{Dump, WatchedStore};
use axum::Router;
use ed25519_dalek::SigningKey;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use pando_api::{Authority, DeviceIdentities, Problem, ProblemCode, ServerKey, ServerKeys};
use pando_delivery::Refusal;
use pando_delivery::http::{
    Authenticator, BodyLimits, Clock, HttpSettings, Randomness, ShutdownSender, TokenKey, router,
};
use pando_delivery::service::{Service, Settings};
use pando_mls::RustCrypto;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// The number of answers with each problem code.
pub(crate) type Codes = BTreeMap<ProblemCode, u64>;

/// A clock that tests set.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bytes that differ each time.
#[derive(Default)]
struct Counter(AtomicU64);

impl Randomness for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Refusal> {
        let next = self.0.fetch_add(1, Ordering::Relaxed);
        bytes.fill(0);
        bytes.iter_mut().zip(next.to_be_bytes()).for_each(|(byte, next)| *byte = next);
        Ok(())
    }
}

pub(crate) fn authority() -> Authority {
    "example.org:8443".parse().unwrap()
}

/// Returns the key of the tokens, or that of another server.
pub(crate) fn token_key(seed: u8) -> TokenKey {
    TokenKey::from_secret(&Zeroizing::new([seed; 32]))
}

/// The seed of the key of this server's tokens.
pub(crate) const TOKEN_SEED: u8 = 3;

/// The key that signs lists of revocations.
pub(crate) fn feed_key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// Returns limits that are low, so that tests exceed them.
pub(crate) fn limits() -> BodyLimits {
    let mut limits = BodyLimits::default();
    (limits.group, limits.commit, limits.message) = (48 << 10, 32 << 10, 24 << 10);
    (limits.key_packages, limits.blob, limits.other, limits.all) = (32 << 10, 80_000, 4 << 10, 256 << 10);
    limits
}

/// A server.
pub(crate) struct Server {
    pub(crate) service: Service<WatchedStore>,
    pub(crate) clock: TestClock,
    pub(crate) keys: ServerKeys,
    /// The codes of all answers.
    pub(crate) codes: Mutex<Codes>,
    router: Router,
    _shutdown: ShutdownSender,
}

impl Server {
    /// Starts a server that admits the clients.
    pub(crate) fn start(clients: &Clients) -> Self {
        Self::with_limits(clients, limits())
    }

    /// Starts a server with limits of bodies.
    pub(crate) fn with_limits(clients: &Clients, limits: BodyLimits) -> Self {
        let (domain, remover) = (clients.domain.clone(), clients.remover());
        let identities = DeviceIdentities::new(&RustCrypto, [(domain.clone(), &clients.anchor)]).unwrap();
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        let head_keys = vec![key.public()];
        let removers = vec![("ed25519", remover.public_key().clone())];
        let mut settings = Settings::new(domain.clone(), (key, []), vec![remover], Arc::new(identities));
        settings.feeds.insert(domain, feed_key().verifying_key());
        // Commits are written in parts.
        settings.changes_at_once = 2;
        let keys = settings.keys.clone();
        let service = Service::new(WatchedStore::default(), settings);
        let clock = TestClock(Arc::new(AtomicU64::new(NOW)));
        let authenticator = Authenticator { authority: authority(), key: token_key(TOKEN_SEED) };
        let (shutdown, signal) = ShutdownSender::new();
        let mut settings = HttpSettings::new(authenticator, head_keys, removers, signal);
        (settings.clock, settings.limits) = (Box::new(clock.clone()), limits);
        settings.randomness = Box::new(Counter::default());
        let router = router(service.clone(), settings);
        Self { service, clock, keys, codes: Mutex::default(), router, _shutdown: shutdown }
    }

    /// Starts another server with a copy of this server's data.
    pub(crate) async fn fork(&self, clients: &Clients) -> Self {
        let fork = Self::start(clients);
        fork.store().restore(&self.dump()).await;
        fork
    }

    pub(crate) fn store(&self) -> &WatchedStore {
        self.service.store()
    }

    pub(crate) fn dump(&self) -> Dump {
        self.store().dump()
    }

    /// Runs the work that is due.
    pub(crate) async fn run_due(&self) {
        assert_eq!(self.service.run_due(self.clock.now()).await, Ok(0));
    }

    /// Sends a request. The answer to a request that is refused is a problem document with a code,
    /// a status and the member `retryable` as in section 4.
    pub(crate) async fn send(&self, request: &Wire) -> Answer {
        let service = TowerToHyperService::new(self.router.clone());
        let answer = Answer::of(service.call(request.http()).await.unwrap()).await;
        assert!(
            answer.status == 200 || answer.headers["cache-control"] == "no-store" || answer.status == 206
        );
        if answer.status >= 300 {
            let code = check_problem(&answer);
            *self.codes.lock().unwrap().entry(code).or_default() += 1;
        }
        answer
    }

    /// Sends a request that is refused without any effect. Returns the code.
    pub(crate) async fn refused(&self, request: &Wire, why: &str) -> ProblemCode {
        let before = self.store().changes();
        let answer = self.send(request).await;
        let what = || format!("{why}: {} {}: {answer}", request.method, request.target);
        assert!((400..500).contains(&answer.status), "{}", what());
        assert_eq!(self.store().changes(), before, "an effect: {}", what());
        answer.code()
    }
}

/// Checks a problem document.
fn check_problem(answer: &Answer) -> ProblemCode {
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{answer}");
    let Problem { code, status, retryable, title, .. } = answer.problem();
    let code = ProblemCode::from_text(&code).unwrap();
    let expected = (code.status(), code.is_retryable(), code.title());
    assert_eq!((status, retryable, &*title), expected, "{answer}");
    assert_eq!(answer.status, status);
    assert_eq!(answer.headers.contains_key("retry-after"), retryable, "{answer}");
    assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{answer}");
    code
}
