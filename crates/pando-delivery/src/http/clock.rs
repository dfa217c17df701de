//! The time and randomness of the server, which are passed to the layers below.

use crate::error::Refusal;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock.
pub trait Clock: Send + Sync + 'static {
    /// Returns the time in milliseconds since 1970.
    fn now(&self) -> u64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A source of random bytes.
pub trait Randomness: Send + Sync + 'static {
    /// Fills `bytes` with random bytes that an attacker cannot predict.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`](pando_api::ProblemCode::Internal) if the source fails.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Refusal>;
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Refusal> {
        getrandom::fill(bytes).map_err(|error| Refusal::internal(&error))
    }
}
