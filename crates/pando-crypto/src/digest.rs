//! The outputs of hash functions and MACs.

use std::fmt;
use std::ops::Deref;
use subtle::ConstantTimeEq;

/// The output of a cipher suite's hash or MAC function. The length of the output is `KDF.Nh` bytes,
/// which is at most 64 bytes.
///
/// Comparison takes constant time, so a tag can be checked with `==`.
#[derive(Clone, Copy)]
pub struct Digest {
    bytes: [u8; Self::MAX_LEN],
    // The length of the output, at most `MAX_LEN`.
    len: u8,
}

impl Digest {
    /// The length of the longest hash that a cipher suite uses, which is that of SHA-512.
    pub const MAX_LEN: usize = 64;

    /// Creates a digest from `bytes`, or returns `None` if there are more than [`Digest::MAX_LEN`]
    /// of them.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut digest = Self { bytes: [0; Self::MAX_LEN], len: u8::try_from(bytes.len()).ok()? };
        digest.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(digest)
    }

    /// Creates a digest from the output of a hash function, which is never longer than
    /// [`Digest::MAX_LEN`].
    pub(crate) fn of_output(output: &[u8]) -> Self {
        let mut digest = Self { bytes: [0; Self::MAX_LEN], len: 0 };
        for (byte, out) in output.iter().zip(&mut digest.bytes) {
            *out = *byte;
            digest.len = digest.len.saturating_add(1);
        }
        digest
    }

    /// Returns whether the digest equals `bytes`. The running time of the comparison depends only
    /// on the lengths.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.ct_eq(bytes).into()
    }
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_digest_matches() {
        let digest = Digest::new(&[3; 32]).unwrap();
        for length in (0..32).chain(33..65) {
            assert!(!digest.matches(&vec![3; length]));
        }
        assert!(digest.matches(&[3; 32]));
        assert_eq!(Digest::new(&[0; 65]), None);
    }
}
