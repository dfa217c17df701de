//! The loop of the engine's thread.

use super::calls::Tasks;
use super::waiters::Waiters;
use super::{Closed, Message};
use crate::delivery::DeliveryClient;
use crate::engine::{CallId, Engine, EngineError, Next};
use crate::error::CallError;
use crate::operation::Answer;
use crate::transport::{Clock, Transport};
use pando_store::Backend;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, WeakSender};
use tokio::sync::{oneshot, watch};

/// The pause after the first failed step, and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The time without failure after which the pauses begin at the first one again.
const CALM: Duration = Duration::from_secs(30);

/// The longest time until the engine is asked again. The clock may be set, or the machine may have
/// slept.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The senders of the thread's reports.
type Reporters = (watch::Sender<(u64, u64)>, watch::Sender<Option<Arc<EngineError>>>);

/// The state of the thread.
pub(super) struct Driver<T, B: Backend> {
    engine: Engine<B>,
    clock: Arc<dyn Clock>,
    tasks: Tasks<T, B>,
    waiters: Waiters,
    messages: Receiver<Message<B>>,
    reporters: Reporters,
    /// The time for which the timer was started.
    timer: Option<u64>,
    /// How often the engine had forgotten its calls.
    reloads: u64,
    /// Whether the engine is not asked for calls, because a step has failed.
    is_paused: bool,
    /// The failures in a row, and the time of the last one.
    failures: u32,
    last_failure: Option<Instant>,
}

impl<T: Transport + 'static, B: Backend> Driver<T, B> {
    pub(super) fn new(
        engine: Engine<B>,
        clock: Arc<dyn Clock>,
        (delivery, sender, runtime): (Arc<DeliveryClient<T>>, WeakSender<Message<B>>, Handle),
        messages: Receiver<Message<B>>,
        reporters: Reporters,
    ) -> Self {
        Self {
            engine,
            clock,
            tasks: Tasks::new(delivery, sender, runtime),
            waiters: Waiters::default(),
            messages,
            reporters,
            timer: None,
            reloads: 0,
            is_paused: false,
            failures: 0,
            last_failure: None,
        }
    }

    /// Runs until the client is closed, or all handles were dropped.
    pub(super) fn run(mut self) {
        loop {
            self.advance();
            self.report();
            match self.messages.blocking_recv() {
                None => return,
                Some(Message::Run(job)) => job(&mut self.engine),
                Some(Message::WaitFor(operation, answer)) => {
                    self.waiters.add(&mut self.engine, operation, answer);
                }
                Some(Message::Complete(call, result)) => self.complete(call, *result),
                Some(Message::Expired(number)) => self.expire(number),
                Some(Message::Close(closed)) => return self.close(closed),
            }
        }
    }

    /// Takes the result of a call.
    fn complete(&mut self, call: CallId, result: Result<Answer, CallError>) {
        match self.engine.complete(call, result) {
            Ok(()) => drop(self.reporters.1.send_if_modified(|error| error.take().is_some())),
            Err(error) => self.fail(error),
        }
    }

    /// Ends the wait or the pause of a timer.
    fn expire(&mut self, number: u64) {
        if self.tasks.take_timer(number) {
            self.timer = None;
            self.is_paused = false;
        }
    }

    /// Starts the calls for which the engine asks.
    fn advance(&mut self) {
        while !self.is_paused {
            let next = self.engine.next_call();
            self.cancel_forgotten();
            match next {
                Ok(Next::Call(call)) => self.tasks.call(*call),
                Ok(Next::Wait(until)) => return self.wait(until),
                Err(error) => self.fail(error),
            }
        }
    }

    /// Cancels the calls in flight if the engine has forgotten them: it repeats them, and ignores
    /// their results.
    fn cancel_forgotten(&mut self) {
        if self.engine.reloads() != self.reloads {
            self.reloads = self.engine.reloads();
            self.tasks.cancel_calls();
        }
    }

    /// Starts the timer for a time in milliseconds since 1970.
    fn wait(&mut self, until: Option<u64>) {
        if self.timer == until {
            return;
        }
        self.timer = until;
        match until {
            None => self.tasks.stop_timer(),
            Some(until) => {
                let wait = Duration::from_millis(until.saturating_sub(self.clock.now()));
                self.tasks.start_timer(wait.min(LONGEST_WAIT));
            }
        }
    }

    /// Reports the error of a step, which is repeated after a pause. Meanwhile, functions of the
    /// application run.
    fn fail(&mut self, error: EngineError) {
        self.reporters.1.send_replace(Some(Arc::new(error)));
        if self.is_paused {
            return;
        }
        if self.last_failure.is_some_and(|last| last.elapsed() > CALM) {
            self.failures = 0;
        }
        let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(Instant::now());
        self.is_paused = true;
        self.timer = None;
        self.tasks.start_timer(pause.min(LONGEST_PAUSE));
    }

    /// Notifies the functions that wait for operations and events.
    fn report(&mut self) {
        if let Err(error) = self.waiters.settle(&mut self.engine) {
            self.fail(error);
        }
        self.cancel_forgotten();
        // After a failed step, an event can have the number of one that was not stored.
        let version = (self.engine.reloads(), self.engine.last_event().0);
        self.reporters.0.send_if_modified(|last| std::mem::replace(last, version) != version);
    }

    fn close(self, closed: oneshot::Sender<Closed<B>>) {
        let Self { engine, tasks, messages, waiters, reporters, .. } = self;
        // Functions that wait end with an error.
        drop((messages, waiters, reporters));
        let calls = tasks.into_cancelled();
        // The store is dropped if the caller has dropped its future.
        let _ = closed.send(Closed { store: engine.into_store(), calls });
    }
}
