//! The client of a delivery service.

use crate::answer::NoAnswer;
use crate::description::Description;
use crate::draft::Draft;
use crate::error::{CallError, LoginFailure, TooLarge};
use crate::logins::{Device, Logins, Step};
use crate::operation::{Answer, Operation};
use crate::request::AnswerLimits;
use crate::result::Server;
use crate::session::Session;
use crate::transport::{Clock, Outgoing, Randomness, Transport, TransportError};
use bytes::Bytes;
use futures_util::lock::Mutex;
use http::{Request, Response};
use pando_api::{Authority, ProblemCode, ServerKeys};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// The longest time for which a server waits for a result, in seconds.
const MAX_WAIT: u64 = 60;

/// A client of the delivery service at one server, for one device.
///
/// The client logs in before its first operation and renews its session. Operations that need a
/// login at the same time wait for one. All methods can be called concurrently. A call that is
/// dropped may have taken effect.
///
/// ```no_run
/// # #[cfg(feature = "http")]
/// # async fn run(
/// #     (device, roots): (pando_client::Device, &[u8]),
/// #     rng: impl pando_client::Randomness + 'static,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use pando_client::{DeliveryClient, HttpSettings, HttpTransport, SystemClock, authority_of_url};
///
/// let server = authority_of_url("https://ds.example.org")?;
/// let transport = HttpTransport::new(roots, &HttpSettings::default())?;
/// let client = DeliveryClient::new(server, device, transport, SystemClock, rng);
/// for group in client.list_groups().await?.groups {
///     println!("{} entries", group.seq);
/// }
/// # Ok(())
/// # }
/// ```
pub struct DeliveryClient<T> {
    transport: T,
    server: Authority,
    clock: Box<dyn Clock>,
    limits: AnswerLimits,
    session: std::sync::Mutex<Option<Arc<Session>>>,
    logins: Mutex<LoginTurn>,
    /// The number of logins that have succeeded or failed.
    ended_logins: AtomicU64,
}

/// What the call that logs in needs. Other calls wait for its lock.
struct LoginTurn {
    logins: Logins,
    randomness: Box<dyn Randomness>,
    /// The failure of the last login.
    failure: Option<LoginFailure>,
}

impl<T> fmt::Debug for DeliveryClient<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryClient").field("server", &self.server).finish_non_exhaustive()
    }
}

impl<T: Transport> DeliveryClient<T> {
    /// Returns a client for a server, which [`authority_of_url`](crate::authority_of_url) reads
    /// from a URL. Nothing is sent before the first operation. `randomness` makes the session keys.
    #[must_use]
    pub fn new(
        server: Authority,
        device: Device,
        transport: T,
        clock: impl Clock + 'static,
        randomness: impl Randomness + 'static,
    ) -> Self {
        let logins = Logins::new(server.clone(), device);
        let turn = LoginTurn { logins, randomness: Box::new(randomness), failure: None };
        Self {
            transport,
            server,
            clock: Box::new(clock),
            limits: AnswerLimits::default(),
            session: std::sync::Mutex::default(),
            logins: Mutex::new(turn),
            ended_logins: AtomicU64::new(0),
        }
    }

    /// Sets the limits of answers.
    #[must_use]
    pub fn with_limits(self, limits: AnswerLimits) -> Self {
        Self { limits, ..self }
    }

    /// Returns the server.
    #[must_use]
    pub const fn server(&self) -> &Authority {
        &self.server
    }

    /// Returns the description of the server at the last login, if there was one. It contains the
    /// keys by which the caller verifies the pages of logs.
    #[must_use]
    pub fn description(&self) -> Option<Description> {
        self.current().as_ref().map(|session| session.description.clone())
    }

    /// Performs an operation.
    ///
    /// The request is sent twice only if the token has expired, because the server has then done
    /// nothing.
    ///
    /// # Errors
    /// [`CallError`] if there is no result.
    pub async fn call(&self, operation: &Operation) -> Result<Answer, CallError> {
        let draft = operation.draft(self.server.domain(), &self.limits)?;
        if !operation.needs_session() {
            let request = unauthenticated(&draft, &self.server)?;
            let keys = ServerKeys::default();
            return self.exchange(operation, &draft, request, &keys).await;
        }
        let session = self.session(None).await?;
        let result = self.call_in(operation, &draft, &session).await;
        match &result {
            Err(error) if error.code() == Some(ProblemCode::TokenExpired) => {
                let session = self.session(Some(&session)).await?;
                self.call_in(operation, &draft, &session).await
            }
            Err(error) => {
                // The next call logs in again, and fetches the description of the server.
                let is_unknown = matches!(error, CallError::BadAnswer(bad) if bad.is_unknown_key());
                if is_unknown || error.code() == Some(ProblemCode::Unauthenticated) {
                    self.forget(&session);
                }
                result
            }
            Ok(_) => result,
        }
    }

    /// Performs an operation in a session.
    async fn call_in(
        &self,
        operation: &Operation,
        draft: &Draft,
        session: &Session,
    ) -> Result<Answer, CallError> {
        let bytes = u64::try_from(draft.body.len()).unwrap_or(u64::MAX);
        if let Some(limit) = session.description.limits.get(draft.limit).copied()
            && bytes > limit
        {
            return Err(TooLarge::Request { bytes, limit }.into());
        }
        let request = session.authenticate(draft, &self.server, self.clock.now())?;
        self.exchange(operation, draft, request, &session.description.keys).await
    }

    /// Sends a request, and checks its answer.
    async fn exchange(
        &self,
        operation: &Operation,
        draft: &Draft,
        request: Request<Bytes>,
        keys: &ServerKeys,
    ) -> Result<Answer, CallError> {
        let response = self.send(draft, request).await.map_err(|error| match error {
            TransportError::NotSent(why) => CallError::NotSent(why),
            TransportError::NoAnswer(why) => CallError::OutcomeUnknown(why),
            TransportError::AnswerTooLarge => TooLarge::Answer { limit: draft.answer_limit }.into(),
        })?;
        let server = Server { domain: self.server.domain(), keys };
        operation.result(&response, &server).map_err(|error| match error {
            NoAnswer::Refused(refusal) => CallError::Problem(refusal),
            NoAnswer::Bad(bad) => bad.into(),
        })
    }

    async fn send(&self, draft: &Draft, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let wait = Duration::from_secs(draft.wait.min(MAX_WAIT));
        let response =
            self.transport.send(Outgoing { request, answer_limit: draft.answer_limit, wait }).await?;
        // A transport may not count bytes that it had already received.
        let is_within = response.body().len() <= draft.answer_limit;
        if is_within { Ok(response) } else { Err(TransportError::AnswerTooLarge) }
    }

    /// Returns a session. `expired` is the session whose token the server has refused.
    async fn session(&self, expired: Option<&Arc<Session>>) -> Result<Arc<Session>, LoginFailure> {
        let ended = self.ended_logins.load(Ordering::Acquire);
        if let Some(session) = self.usable(expired, Session::is_fresh) {
            return Ok(session);
        }
        let mut turn = self.logins.lock().await;
        if let Some(session) = self.usable(expired, Session::is_fresh) {
            return Ok(session);
        }
        // A login that was under way when this call began to wait has failed for this call, too.
        let has_ended = self.ended_logins.load(Ordering::Acquire) != ended;
        let failure = turn.failure.clone().filter(|_| has_ended);
        let result = match failure {
            Some(failure) => Err(failure),
            None => {
                let result = self.log_in(&mut turn).await;
                turn.failure = result.as_ref().err().cloned();
                self.ended_logins.fetch_add(1, Ordering::AcqRel);
                result
            }
        };
        match result {
            // The token is still valid, although it is time to renew it.
            Err(failure) if !failure.is_final() => self.usable(expired, Session::is_valid).ok_or(failure),
            result => result,
        }
    }

    /// Logs in.
    async fn log_in(&self, turn: &mut LoginTurn) -> Result<Arc<Session>, LoginFailure> {
        let mut secret = Zeroizing::new([0; 32]);
        turn.randomness.fill(&mut *secret);
        let mut draft = turn.logins.begin(secret)?;
        let session = loop {
            let request = unauthenticated(&draft, &self.server);
            let request = request.map_err(|error| LoginFailure::Signature(error.to_string()))?;
            let response = self.send(&draft, request).await?;
            match turn.logins.receive(&response, self.clock.now())? {
                Step::Send(next) => draft = next,
                Step::Done(session) => break Arc::new(session),
            }
        };
        *self.current() = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Returns the present session, if it is another one than `expired` and `is_usable` now.
    fn usable(
        &self,
        expired: Option<&Arc<Session>>,
        is_usable: fn(&Session, u64) -> bool,
    ) -> Option<Arc<Session>> {
        let session = self.current().clone()?;
        let is_expired = expired.is_some_and(|expired| Arc::ptr_eq(expired, &session));
        (!is_expired && is_usable(&session, self.clock.now())).then_some(session)
    }

    /// Forgets a session, unless it was renewed already.
    fn forget(&self, session: &Arc<Session>) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            *current = None;
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<Session>>> {
        // The value is replaced as a whole, so it is intact after a panic.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a request without a token.
fn unauthenticated(draft: &Draft, server: &Authority) -> Result<Request<Bytes>, CallError> {
    let request = draft.http(server).body(draft.body.clone());
    request.map_err(|error| CallError::Unencodable(error.to_string()))
}
