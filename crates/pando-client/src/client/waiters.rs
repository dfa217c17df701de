//! Waiting for the ends of operations.
//!
//! The thread looks for the end of an operation in the events that the application has not
//! acknowledged. It looks after each step, so before the application can acknowledge an event of
//! the step: a function that waits already does not miss the end.

use crate::engine::{Engine, EngineError, Event, EventId, OperationId, StoredEvent};
use pando_store::Backend;
use tokio::sync::oneshot;

/// The most events that are read at once.
const PAGE: usize = 256;

/// How an operation has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The operation is done, and the client has its effects.
    Done,
    /// The operation failed and has no effects, for this reason.
    Failed(String),
    /// Nothing was left to do, because of another member's change, for this reason.
    Superseded(String),
    /// The operation has ended, but the application has acknowledged the event that tells how.
    Acknowledged,
}

/// The answer to a function that waits.
type Answer = oneshot::Sender<Result<Outcome, EngineError>>;

/// The functions that wait for operations.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: Vec<(OperationId, Answer)>,
    /// The last event that all of them have seen.
    seen: EventId,
}

impl Waiters {
    /// Answers a function that waits for an operation, or lets it wait.
    pub(super) fn add<B: Backend>(&mut self, engine: &mut Engine<B>, operation: OperationId, answer: Answer) {
        match find(engine, operation) {
            Ok((Some(outcome), _)) => drop(answer.send(Ok(outcome))),
            Ok((None, last)) => {
                if self.waiting.is_empty() {
                    self.seen = last;
                }
                self.waiting.push((operation, answer));
            }
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    /// Answers the functions whose operations have ended.
    pub(super) fn settle<B: Backend>(&mut self, engine: &mut Engine<B>) -> Result<(), EngineError> {
        self.waiting.retain(|(_, answer)| !answer.is_closed());
        if self.waiting.is_empty() || engine.last_event() <= self.seen {
            return Ok(());
        }
        engine.refresh()?;
        let waiting = &mut self.waiting;
        self.seen = scan(engine, self.seen, |event| {
            let Some((operation, outcome)) = outcome_of(event) else { return };
            for (_, answer) in waiting.extract_if(.., |(waits_for, _)| *waits_for == operation) {
                // Sending fails if the caller has dropped its future.
                let _ = answer.send(Ok(outcome.clone()));
            }
        })?;
        // The application may have acknowledged events while the store could not be read.
        for (_, answer) in waiting.extract_if(.., |(operation, _)| !engine.is_running(*operation)) {
            let _ = answer.send(Ok(Outcome::Acknowledged));
        }
        Ok(())
    }
}

/// Returns how an operation has ended, or `None` if it has not, and the last event.
fn find<B: Backend>(
    engine: &mut Engine<B>,
    operation: OperationId,
) -> Result<(Option<Outcome>, EventId), EngineError> {
    engine.refresh()?;
    let mut found = None;
    // The events of an operation have higher numbers.
    let last = scan(engine, EventId(operation.0), |event| {
        if let Some((ended, outcome)) = outcome_of(event)
            && ended == operation
        {
            found = Some(outcome);
        }
    })?;
    let is_running = engine.is_running(operation);
    Ok((found.or((!is_running).then_some(Outcome::Acknowledged)), last))
}

/// Reads the events after `after`, and returns the last one.
fn scan<B: Backend>(
    engine: &Engine<B>,
    after: EventId,
    mut each: impl FnMut(&StoredEvent),
) -> Result<EventId, EngineError> {
    let mut last = after;
    loop {
        let events = engine.events(last, PAGE)?;
        events.iter().for_each(&mut each);
        last = events.last().map_or(last, |event| event.id);
        if events.len() < PAGE {
            return Ok(last);
        }
    }
}

fn outcome_of(event: &StoredEvent) -> Option<(OperationId, Outcome)> {
    match &event.event {
        Event::OperationDone(operation) => Some((*operation, Outcome::Done)),
        Event::OperationFailed { operation, reason } => Some((*operation, Outcome::Failed(reason.clone()))),
        Event::OperationSuperseded { operation, reason } => {
            Some((*operation, Outcome::Superseded(reason.clone())))
        }
        _ => None,
    }
}
