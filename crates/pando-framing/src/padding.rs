//! Padding, which hides the length of encrypted content (RFC 9420, sections 6.3.1 and 15.1).

use std::num::NonZeroUsize;

/// The rule that determines how many zeros are appended to content before encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// No padding, so the ciphertext reveals the exact length of the content.
    None,
    /// Padding to the next multiple of this number of bytes.
    Multiple(NonZeroUsize),
    /// Padmé, which pads to a length whose binary form has few nonzero digits. Padmé adds at most
    /// about 12%, and less to long messages. A message of up to n bytes reveals only O(log log n)
    /// bits of its length.
    Padme,
}

impl Padding {
    /// Returns the length in bytes to which content of `len` bytes is padded. The result is never
    /// less than `len`.
    #[must_use]
    pub fn padded_len(self, len: usize) -> usize {
        match self {
            Self::None => len,
            Self::Multiple(unit) => len.checked_next_multiple_of(unit.get()).unwrap_or(len),
            Self::Padme => padme(len).unwrap_or(len),
        }
    }
}

/// Rounds up a length of E + 1 binary digits so that only the first floor(log2(E)) + 2 digits may
/// be nonzero. This rule is Padmé from "Reducing Metadata Leakage from Encrypted Files and
/// Communication with PURBs" (Nikitin et al., 2019), section 4.
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
        // In the example of the paper, 9 becomes 10, because E = 3 and S = 2, so the last bit must
        // be zero.
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
            // Padding a padded length again does not change it.
            prop_assert_eq!(Padding::Padme.padded_len(padded), padded);
        }
    }
}
