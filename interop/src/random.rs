//! The random decisions of the script, all of which are derived from the seed.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A random number generator with helper functions.
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a random number below `end`, which must not be 0. The number is slightly biased,
    /// which does not matter here.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// Returns `true` with a probability of `often` percent.
    pub(crate) fn percent(&mut self, often: usize) -> bool {
        self.below(100) < often
    }

    /// Returns a random item, or `None` if there are no items.
    pub(crate) fn pick<T: Copy>(&mut self, these: &[T]) -> Option<T> {
        if these.is_empty() { None } else { Some(these[self.below(these.len())]) }
    }

    /// Shuffles the items randomly.
    pub(crate) fn shuffle<T>(&mut self, these: &mut [T]) {
        for last in (1..these.len()).rev() {
            these.swap(last, self.below(last + 1));
        }
    }

    /// Returns at most `most` random bytes.
    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.below(most + 1)];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
