//! The tasks of a client: calls in flight, and one timer.

use super::Message;
use crate::delivery::DeliveryClient;
use crate::engine::Call;
use crate::error::CallError;
use crate::transport::Transport;
use futures_util::FutureExt;
use pando_store::Backend;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::WeakSender;
use tokio::task::{AbortHandle, JoinSet};

/// The tasks. They do not keep the thread alive: their sender is weak.
pub(super) struct Tasks<T, B: Backend> {
    delivery: Arc<DeliveryClient<T>>,
    messages: WeakSender<Message<B>>,
    runtime: Handle,
    calls: JoinSet<()>,
    /// The timer, and replaced ones that have not ended yet.
    timers: JoinSet<()>,
    timer: Option<AbortHandle>,
    /// The number of the last timer.
    last_timer: u64,
}

impl<T: Transport + 'static, B: Backend> Tasks<T, B> {
    pub(super) fn new(
        delivery: Arc<DeliveryClient<T>>,
        messages: WeakSender<Message<B>>,
        runtime: Handle,
    ) -> Self {
        let (calls, timers) = (JoinSet::new(), JoinSet::new());
        Self { delivery, messages, runtime, calls, timers, timer: None, last_timer: 0 }
    }

    /// Performs a call. Its result is sent to the thread.
    pub(super) fn call(&mut self, call: Call) {
        let Call { id, operation } = call;
        let (delivery, messages) = (Arc::clone(&self.delivery), self.messages.clone());
        forget_ended(&mut self.calls);
        let task = async move {
            // The engine waits for a result, also if the transport panics.
            let result = AssertUnwindSafe(delivery.call(&operation)).catch_unwind().await;
            let panicked = |_| Err(CallError::OutcomeUnknown("the call has panicked".to_owned()));
            let result = result.unwrap_or_else(panicked);
            drop(delivery);
            send(&messages, Message::Complete(id, Box::new(result))).await;
        };
        self.calls.spawn_on(task, &self.runtime);
    }

    /// Starts the timer, in place of the one before.
    pub(super) fn start_timer(&mut self, wait: Duration) {
        self.stop_timer();
        self.last_timer = self.last_timer.saturating_add(1);
        let (number, messages) = (self.last_timer, self.messages.clone());
        forget_ended(&mut self.timers);
        let task = async move {
            tokio::time::sleep(wait).await;
            send(&messages, Message::Expired(number)).await;
        };
        self.timer = Some(self.timers.spawn_on(task, &self.runtime));
    }

    pub(super) fn stop_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
    }

    /// Returns whether the timer with this number is the present one, which it is no longer.
    pub(super) fn take_timer(&mut self, number: u64) -> bool {
        number == self.last_timer && self.timer.take().is_some()
    }

    /// Cancels all calls.
    pub(super) fn cancel_calls(&mut self) {
        self.calls.abort_all();
    }

    /// Cancels all tasks, and returns the calls.
    pub(super) fn into_cancelled(mut self) -> JoinSet<()> {
        self.calls.abort_all();
        self.calls
    }
}

/// Forgets tasks that have ended, so that the set does not grow.
fn forget_ended(tasks: &mut JoinSet<()>) {
    while tasks.try_join_next().is_some() {}
}

/// Sends a message, unless all handles were dropped.
async fn send<B: Backend>(messages: &WeakSender<Message<B>>, message: Message<B>) {
    if let Some(messages) = messages.upgrade() {
        // Sending fails if the thread has ended.
        let _ = messages.send(message).await;
    }
}
