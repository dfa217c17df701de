//! Time and randomness of a call.

use pando_mls::CryptoRng;
use std::fmt;

/// The time and the randomness of a call.
pub struct Call<'a> {
    pub(super) now: u64,
    pub(super) rng: Box<dyn CryptoRng + 'a>,
}

impl<'a> Call<'a> {
    /// Returns a call at the time `now`, in seconds since 1970, with a cryptographic generator.
    pub fn new(now: u64, rng: impl CryptoRng + 'a) -> Self {
        Self { now, rng: Box::new(rng) }
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("now", &self.now).finish_non_exhaustive()
    }
}
