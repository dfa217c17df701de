//! The random generator that the engine shares with its session.

use pando_mls::CryptoRng;
use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// A handle to a random generator. A clone uses the same generator.
#[derive(Clone)]
pub(crate) struct SharedRng(Arc<Mutex<dyn CryptoRng + Send>>);

impl SharedRng {
    pub(crate) fn new(rng: impl CryptoRng + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    /// Returns 16 random bytes.
    pub(crate) fn id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        self.fill(&mut id);
        id
    }

    /// Returns a random number below `end`, or 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(end).unwrap_or(0)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

impl TryRng for SharedRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SharedRng {}
