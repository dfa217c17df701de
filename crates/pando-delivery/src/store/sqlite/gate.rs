//! A lock between the writer of a file and occasional guests.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A lock that the writer holds during each batch. A guest, such as a checkpoint, gets the lock
/// when the current batch ends, even if the next batch is already waiting. An ordinary mutex would
/// let a busy writer acquire the lock again and again.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    waiting_guests: usize,
}

/// Holds the lock until it is dropped.
#[must_use]
pub(super) struct Turn<'a>(&'a Gate);

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the mutex, so the state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acquires the lock for the writer.
    pub(super) fn writer(&self) -> Turn<'_> {
        let state = self.state();
        let waits = |state: &mut State| state.is_taken || state.waiting_guests > 0;
        let mut state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        state.is_taken = true;
        Turn(self)
    }

    /// Acquires the lock for a guest.
    pub(super) fn guest(&self) -> Turn<'_> {
        let mut state = self.state();
        state.waiting_guests = state.waiting_guests.saturating_add(1);
        let waits = |state: &mut State| state.is_taken;
        let mut state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        state.waiting_guests = state.waiting_guests.saturating_sub(1);
        state.is_taken = true;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().is_taken = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn a_waiting_guest_is_next() {
        let gate = Gate::default();
        let (done, order) = mpsc::channel();
        thread::scope(|scope| {
            let turn = gate.writer();
            let (gate, guest_done) = (&gate, done.clone());
            scope.spawn(move || {
                let _turn = gate.guest();
                guest_done.send("guest").unwrap();
            });
            while gate.state().waiting_guests == 0 {
                thread::yield_now();
            }
            drop(turn);
            let _turn = gate.writer();
            done.send("writer").unwrap();
        });
        assert_eq!([order.recv().unwrap(), order.recv().unwrap()], ["guest", "writer"]);
    }
}
