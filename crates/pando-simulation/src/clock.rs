//! The clock of a simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The time at which simulations begin, in milliseconds since 1970.
pub const START: u64 = 1_800_000_000_000;

/// A clock that the simulation sets. Clones show the same time.
#[derive(Debug, Clone)]
pub struct SimClock {
    time: Arc<AtomicU64>,
    /// The milliseconds by which this clock is ahead.
    ahead: i64,
}

impl SimClock {
    /// Returns a clock that shows [`START`].
    #[must_use]
    pub fn new() -> Self {
        Self { time: Arc::new(AtomicU64::new(START)), ahead: 0 }
    }

    /// Returns a clock that is ahead of this one, or behind it.
    #[must_use]
    pub fn shifted(&self, milliseconds: i64) -> Self {
        Self { time: Arc::clone(&self.time), ahead: milliseconds }
    }

    /// Returns the time in milliseconds since 1970.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time.load(Ordering::Relaxed).saturating_add_signed(self.ahead)
    }

    /// Advances the clock.
    pub fn advance(&self, milliseconds: u64) {
        self.time.fetch_add(milliseconds, Ordering::Relaxed);
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
