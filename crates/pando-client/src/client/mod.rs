//! A client for asynchronous programs: an engine in its own thread, and its calls in tasks of
//! tokio.
//!
//! The thread owns the [`Engine`]. It receives the functions of the application and the results of
//! calls over one bounded channel, and runs them in order. After each of them it starts the calls
//! for which the engine asks. The thread never waits for a task, so a full channel cannot lead to a
//! deadlock. The engine is not behind a mutex, because it blocks, and because large operations use
//! the threads of `rayon` (see `pando_store::session::AsyncSession`).
//!
//! # Left out on purpose
//!
//! Limiting the calls in flight: there is one long poll for each group. A client of more groups
//! than the server allows streams on a connection waits for a stream before each call.

mod builder;
mod calls;
mod driver;
mod error;
mod events;
mod identity;
mod operations;
mod waiters;

pub use builder::ClientBuilder;
pub use error::{ClientError, IdentityError, OpenError};
pub use identity::create_identity;
pub use waiters::Outcome;

use crate::delivery::DeliveryClient;
use crate::engine::{CallId, Engine, EngineError, OperationId};
use crate::error::CallError;
use crate::operation::Answer;
use pando_api::ClientId;
use pando_mls::GroupId;
use pando_store::{Backend, Store};
use std::fmt;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// A function that runs with the engine.
type Job<B> = Box<dyn FnOnce(&mut Engine<B>) + Send>;

/// A message to the thread of the engine.
enum Message<B: Backend> {
    /// A function of the application.
    Run(Job<B>),
    /// The application waits for the end of an operation.
    WaitFor(OperationId, oneshot::Sender<Result<Outcome, EngineError>>),
    /// The result of a call.
    Complete(CallId, Box<Result<Answer, CallError>>),
    /// The timer with this number has expired.
    Expired(u64),
    /// The application closes the client.
    Close(oneshot::Sender<Closed<B>>),
}

/// The store of a closed client, and its cancelled calls.
struct Closed<B: Backend> {
    store: Store<B>,
    calls: JoinSet<()>,
}

/// The number of messages that wait for the thread. Callers and tasks wait while the queue is full.
const WAITING: usize = 64;

/// The reports of the thread.
#[derive(Debug, Clone)]
struct Reports {
    /// A value that changes with each event.
    events: watch::Receiver<(u64, u64)>,
    /// The error of the last step, if it failed.
    error: watch::Receiver<Option<Arc<EngineError>>>,
}

/// A client at one server: a handle to an [`Engine`] that runs in its own thread, whose calls to
/// the server are tasks of tokio.
///
/// A clone is another handle to the same client. When the last handle is dropped, the calls in
/// flight are cancelled and the thread ends, some time later; [`Client::close`] waits for it.
///
/// # Operations
///
/// A method that starts an operation returns when the operation is stored. From then on, the client
/// performs it, also after a restart, and ends it with an event (see [`Event`](crate::Event)). The
/// application reads events with [`Client::next_events`], stores their effects, and deletes them
/// with [`Client::acknowledge`]. [`Client::wait_for`] waits for the end of one operation.
///
/// # Cancellation
///
/// All futures are `Send`, and each can be dropped at any time. A future that was not polled has no
/// effect. A future that is dropped later had either no effect, or the whole effect of its method:
/// if the thread has received it, an operation or message is stored and will be performed, although
/// the caller does not learn its number. Its events report it. Futures that only read or wait have
/// no effects.
///
/// # Errors
///
/// Methods return their own failures. If the engine fails while it takes the result of a call, for
/// example because the store is busy, the client repeats the step after a pause, because steps of
/// the engine can be repeated. [`Client::last_error`] returns the reason.
///
/// # Runtime
///
/// The tasks run in the runtime in which the client was opened, whose timers must be enabled. If
/// that runtime ends before the client, no calls are made. Do not wait for a client in a thread of
/// `rayon`'s pool: the engine may need that thread.
pub struct Client<T, B: Backend> {
    messages: mpsc::Sender<Message<B>>,
    delivery: Arc<DeliveryClient<T>>,
    reports: Reports,
    own: ClientId,
}

impl<T, B: Backend> Client<T, B> {
    /// Returns our client.
    #[must_use]
    pub const fn own(&self) -> &ClientId {
        &self.own
    }

    /// Returns the client of the protocol, which shares the login with the engine. It stores and
    /// reads blobs. Mutations of groups belong to the engine.
    #[must_use]
    pub fn delivery(&self) -> &DeliveryClient<T> {
        &self.delivery
    }

    /// Returns the groups of which the client is a member.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn groups(&self) -> Result<Vec<GroupId>, ClientError> {
        self.read(Engine::groups).await
    }

    /// Returns the time of the last log entry of a group that was read; see
    /// [`Engine::confirmed_until`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn confirmed_until(&self, group_id: &GroupId) -> Result<Option<u64>, ClientError> {
        let group_id = group_id.clone();
        self.read(move |engine| engine.confirmed_until(&group_id)).await
    }

    /// Runs a function with the engine, for example to read the members of a group. The function
    /// blocks the client. If it panics, the client ends.
    ///
    /// # Errors
    /// [`ClientError::Ended`].
    pub async fn with_engine<R: Send + 'static>(
        &self,
        function: impl FnOnce(&mut Engine<B>) -> R + Send + 'static,
    ) -> Result<R, ClientError> {
        let (result, returned) = oneshot::channel();
        let job = move |engine: &mut Engine<B>| {
            // Sending the result fails if the caller has dropped its future.
            let _ = result.send(function(engine));
        };
        self.tell(Message::Run(Box::new(job))).await?;
        returned.await.map_err(|_| ClientError::Ended)
    }

    /// Closes the client, and returns the store, which can be opened again.
    ///
    /// Functions that were called before are run first. Then no calls are made, and those in flight
    /// are cancelled: requests whose outcome is unknown are sent again after the store is opened.
    /// Other handles receive [`ClientError::Ended`] from now on. If this future is dropped, the
    /// client is closed nevertheless, or is not affected.
    ///
    /// # Errors
    /// [`ClientError::Ended`] if the client was closed through another handle.
    pub async fn close(self) -> Result<Store<B>, ClientError> {
        let (closed, returned) = oneshot::channel();
        self.tell(Message::Close(closed)).await?;
        let Closed { store, mut calls } = returned.await.map_err(|_| ClientError::Ended)?;
        calls.shutdown().await;
        Ok(store)
    }

    /// Runs a function that starts something, and returns its result.
    async fn start<R: Send + 'static>(
        &self,
        function: impl FnOnce(&mut Engine<B>) -> Result<R, EngineError> + Send + 'static,
    ) -> Result<R, ClientError> {
        Ok(self.with_engine(function).await??)
    }

    /// Runs a function that reads what is stored.
    async fn read<R: Send + 'static>(
        &self,
        function: impl FnOnce(&Engine<B>) -> R + Send + 'static,
    ) -> Result<R, ClientError> {
        self.start(|engine| {
            engine.refresh()?;
            Ok(function(engine))
        })
        .await
    }

    async fn tell(&self, message: Message<B>) -> Result<(), ClientError> {
        self.messages.send(message).await.map_err(|_| ClientError::Ended)
    }
}

impl<T, B: Backend> Clone for Client<T, B> {
    fn clone(&self) -> Self {
        let Self { messages, delivery, reports, own } = self;
        Self {
            messages: messages.clone(),
            delivery: Arc::clone(delivery),
            reports: reports.clone(),
            own: own.clone(),
        }
    }
}

impl<T, B: Backend> fmt::Debug for Client<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("own", &self.own).finish_non_exhaustive()
    }
}
