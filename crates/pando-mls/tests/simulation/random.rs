//! Random choices that depend only on a seed.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// The random choices of one step.
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// Returns the generator for keys and nonces.
    pub(crate) const fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.0
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a random number that is less than `limit`, which must not be 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Returns one of the given numbers, if there are any. The choice seldom depends on which other
    /// numbers are given. Therefore, when a history is shortened, its remaining steps act as
    /// before.
    pub(crate) fn pick(&mut self, among: impl IntoIterator<Item = usize>) -> Option<usize> {
        let draw = self.number();
        among.into_iter().min_by_key(|number| mix(draw ^ mix(*number as u64)))
    }

    /// Returns at most `count` of the given numbers, in random order.
    pub(crate) fn pick_some(&mut self, among: impl IntoIterator<Item = usize>, count: usize) -> Vec<usize> {
        let draw = self.number();
        let mut all: Vec<_> = among.into_iter().collect();
        all.sort_by_key(|number| mix(draw ^ mix(*number as u64)));
        all.truncate(count);
        all
    }

    /// Returns all the given numbers, in random order.
    pub(crate) fn shuffled(&mut self, numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
        self.pick_some(numbers, usize::MAX)
    }
}

/// Mixes a number by SplitMix64, in which every bit of the input affects the output.
pub(crate) const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
