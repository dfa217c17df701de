//! The schedule of a simulation.
//!
//! A schedule is a list of numbers that are made from a seed before the simulation begins. What an
//! action does depends on the numbers and on the state of the simulation. So a schedule from which
//! actions are removed is a schedule, and failing schedules can be shrunk.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// An action of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// Decides what is done.
    pub kind: u32,
    /// Decide with what it is done.
    pub choices: [u32; 3],
}

/// Returns the schedule of a seed.
#[must_use]
pub fn schedule(seed: u64, length: usize) -> Vec<Action> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut action = || {
        let kind = rng.next_u32();
        Action { kind, choices: [rng.next_u32(), rng.next_u32(), rng.next_u32()] }
    };
    (0..length).map(|_| action()).collect()
}

/// Returns an element of a list.
pub(crate) fn pick<T>(list: &[T], choice: u32) -> Option<&T> {
    let index = usize::try_from(choice).unwrap_or(0).checked_rem(list.len())?;
    list.get(index)
}
