//! Events, the ends of operations, and errors.

use super::error::ClientError;
use super::waiters::Outcome;
use super::{Client, Message};
use crate::engine::{EngineError, EventId, OperationId, StoredEvent};
use pando_store::Backend;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The most events that are returned at once.
const MOST: usize = 256;

impl<T, B: Backend> Client<T, B> {
    /// Waits until there are events after `after` that the application has not acknowledged, and
    /// returns the first ones of them. After a start, `after` is `EventId::default()`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn next_events(&self, after: EventId) -> Result<Vec<StoredEvent>, ClientError> {
        let mut changes = self.reports.events.clone();
        loop {
            changes.mark_unchanged();
            let events = self.start(move |engine| engine.events(after, MOST)).await?;
            if !events.is_empty() {
                return Ok(events);
            }
            changes.changed().await.map_err(|_| ClientError::Ended)?;
        }
    }

    /// Deletes the events up to `last`, after the application has stored their effects.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn acknowledge(&self, last: EventId) -> Result<(), ClientError> {
        self.start(move |engine| engine.acknowledge_events(last)).await
    }

    /// Waits for the end of an operation, and returns how it has ended. The event stays for
    /// [`Client::next_events`].
    ///
    /// The function finds the end in the events that the application has not acknowledged. If the
    /// application acknowledges the event before it calls this function, the function returns
    /// [`Outcome::Acknowledged`]. A function that waits already returns how the operation has
    /// ended, also if another task acknowledges the event at once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn wait_for(&self, operation: OperationId) -> Result<Outcome, ClientError> {
        let (answer, outcome) = oneshot::channel();
        self.tell(Message::WaitFor(operation, answer)).await?;
        Ok(outcome.await.map_err(|_| ClientError::Ended)??)
    }

    /// Returns the error of the engine's last step, which the client repeats. Returns `None` if
    /// there was none, and after the engine has taken the result of a later call.
    #[must_use]
    pub fn last_error(&self) -> Option<Arc<EngineError>> {
        self.reports.error.borrow().clone()
    }

    /// Waits for the next step of the engine that fails, and returns its error.
    ///
    /// # Errors
    /// [`ClientError::Ended`].
    pub async fn next_error(&self) -> Result<Arc<EngineError>, ClientError> {
        let mut errors = self.reports.error.clone();
        errors.mark_unchanged();
        loop {
            errors.changed().await.map_err(|_| ClientError::Ended)?;
            if let Some(error) = errors.borrow_and_update().clone() {
                return Ok(error);
            }
        }
    }
}
