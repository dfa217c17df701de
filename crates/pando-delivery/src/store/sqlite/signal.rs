//! Requests for checkpoints, from the writer of a file to its checkpointer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A signal that asks for a checkpoint. Several requests before a checkpoint begins are one.
#[derive(Default)]
pub(super) struct Checkpoints {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_requested: bool,
    is_closed: bool,
    /// Number of checkpoints that have ended, successfully or not.
    ended: u64,
}

impl Checkpoints {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, so the state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a checkpoint, and does not wait for it.
    pub(super) fn request(&self) {
        self.state().is_requested = true;
        self.changed.notify_all();
    }

    /// Asks for a checkpoint, and waits until a checkpoint has ended or `wait` has elapsed. Returns
    /// `false` if the signal is closed.
    pub(super) fn request_and_wait(&self, wait: Duration) -> bool {
        let mut state = self.state();
        state.is_requested = true;
        self.changed.notify_all();
        let ended = state.ended;
        let waits = |state: &mut State| state.ended == ended && !state.is_closed;
        let waited = self.changed.wait_timeout_while(state, wait, waits);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }

    /// Waits for a request. Returns `false` if the signal is closed.
    pub(super) fn wait(&self) -> bool {
        let waits = |state: &mut State| !state.is_requested && !state.is_closed;
        let state = self.changed.wait_while(self.state(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.is_requested = false;
        !state.is_closed
    }

    /// Reports the end of a checkpoint.
    pub(super) fn ended(&self) {
        let mut state = self.state();
        state.ended = state.ended.wrapping_add(1);
        drop(state);
        self.changed.notify_all();
    }

    /// Ends the checkpointer.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }
}
