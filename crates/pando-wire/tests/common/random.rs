//! Pseudorandom inputs that range from pure noise to valid encodings with one error, and that are
//! identical in every run.

/// Headers that claim a long vector. The lengths are 2^30 - 1 bytes, 2^14 - 1 bytes, two lengths in
/// the forbidden eight-byte form, and 2^14 bytes.
pub(crate) const HUGE_LENGTHS: [&[u8]; 5] = [
    &[0xbf, 0xff, 0xff, 0xff],
    &[0x7f, 0xff],
    &[0xc0, 0, 0, 0, 0x40, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x80, 0, 0x40, 0],
];

/// The SplitMix64 pseudorandom number generator.
pub(crate) struct Random(u64);

impl Random {
    /// Returns a generator whose seed depends on `name`.
    pub(crate) fn new(name: &str) -> Self {
        Self(name.bytes().fold(0x9420, |seed, byte| seed.wrapping_mul(0x100_0193) ^ u64::from(byte)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a random number below `end`, which must not be 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn noise(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Returns a random byte string that consists of noise or of modified samples.
    pub(crate) fn string(&mut self, samples: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.pick(samples).clone();
        let cut = self.below(bytes.len() + 1);
        let len = self.below(301);
        match self.below(9) {
            0 => bytes = self.noise(len),
            // Small numbers look like short lengths and known selectors.
            1 => bytes = (0..len).map(|_| self.below(6) as u8).collect(),
            2 => bytes = [self.pick(&HUGE_LENGTHS).to_vec(), self.noise(len)].concat(),
            // Replace the rest of a sample with noise or with a huge length.
            3 => bytes.splice(cut.., self.noise(len)).for_each(drop),
            4 => bytes.splice(cut.., self.pick(&HUGE_LENGTHS).iter().copied()).for_each(drop),
            // Join the start of one sample and the end of another.
            5 => {
                let other = self.pick(samples).clone();
                bytes.splice(cut.., other[self.below(other.len() + 1)..].iter().copied()).for_each(drop);
            }
            // Remove a part of a sample, or insert noise into it.
            6 => {
                let end = bytes.len().min(cut + self.below(5));
                bytes.drain(cut..end);
            }
            7 => {
                let count = self.below(5);
                bytes.splice(cut..cut, self.noise(count)).for_each(drop);
            }
            // Replace some bytes of a sample.
            _ => {
                for _ in 0..=self.below(8) {
                    if !bytes.is_empty() {
                        let position = self.below(bytes.len());
                        bytes[position] = self.next() as u8;
                    }
                }
            }
        }
        bytes
    }
}
