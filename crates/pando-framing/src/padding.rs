//! How the length of encrypted content is hidden (RFC 9420, sections 6.3.1 and 15.1).

use std::num::NonZeroUsize;

/// How many zeros are appended before encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// None: the ciphertext tells the exact length.
    None,
    /// Up to the next multiple of so many bytes.
    Multiple(NonZeroUsize),
    /// Padmé: up to a length whose binary form has few digits that are not zero. At most about 12% are
    /// added, ever less for long messages, and messages of up to n bytes have only O(log log n) bits of
    /// length left to tell.
    Padme,
}

impl Padding {
    /// The length, in bytes, to which content of `len` bytes is padded. Never less than `len`.
    #[must_use]
    pub fn padded_len(self, len: usize) -> usize {
        match self {
            Self::None => len,
            Self::Multiple(unit) => len.checked_next_multiple_of(unit.get()).unwrap_or(len),
            Self::Padme => padme(len).unwrap_or(len),
        }
    }
}

/// Padmé, from the paper "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs"
/// (Nikitin and others, 2019), section 4: of a length of E + 1 binary digits, all but the first
/// log2(E) + 2, rounded down, become zero, by rounding up.
fn padme(len: usize) -> Option<usize> {
    let Some(e) = len.checked_ilog2() else {
        return Some(0);
    };
    let s = e.checked_ilog2().map_or(0, |digits| digits.saturating_add(1));
    let unit = 1_usize.checked_shl(e.saturating_sub(s))?;
    len.checked_next_multiple_of(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_lengths_of_the_paper() {
        // Its example: 9 becomes 10, since E = 3, S = 2, and the last bit goes.
        for (len, padded) in
            [(0, 0), (1, 1), (2, 2), (3, 3), (8, 8), (9, 10), (11, 12), (33, 36), (1_000, 1_024)]
        {
            assert_eq!(Padding::Padme.padded_len(len), padded, "{len}");
        }
    }

    #[test]
    fn multiples() {
        let padding = Padding::Multiple(NonZeroUsize::new(256).unwrap());
        for (len, padded) in [(0, 0), (1, 256), (256, 256), (257, 512)] {
            assert_eq!(padding.padded_len(len), padded);
        }
        assert_eq!(padding.padded_len(usize::MAX), usize::MAX);
    }

    proptest! {
        #[test]
        fn nothing_is_cut_off_and_little_is_added(len in 0_usize..1 << 30) {
            prop_assert_eq!(Padding::None.padded_len(len), len);
            let padded = Padding::Padme.padded_len(len);
            prop_assert!(padded >= len && padded - len <= len / 8);
            // Padding again changes nothing: the lengths that occur are fixed points.
            prop_assert_eq!(Padding::Padme.padded_len(padded), padded);
        }
    }
}
