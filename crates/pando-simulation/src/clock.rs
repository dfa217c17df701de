//! The clock of a simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The time at which simulations begin, in milliseconds since 1970.
pub const START: u64 = 1_800_000_000_000;

/// A clock that the simulation sets. Clones show the same time.
#[derive(Debug, Clone)]
pub struct SimClock(Arc<AtomicU64>);

impl SimClock {
    /// Returns a clock that shows [`START`].
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }

    /// Returns the time in milliseconds since 1970.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Advances the clock.
    pub fn advance(&self, milliseconds: u64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl pando_client::Clock for SimClock {
    fn now(&self) -> u64 {
        self.time()
    }
}

impl pando_delivery::http::Clock for SimClock {
    fn now(&self) -> u64 {
        self.time()
    }
}
