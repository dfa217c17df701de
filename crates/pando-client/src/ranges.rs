//! Ranges of blobs and ratchet trees (docs/protocol.md, section 1; RFC 9110, section 14).

use bytes::Bytes;
use std::fmt;

/// A range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The position of the first byte, from 0 on.
    pub first: u64,
    /// The position of the last byte, or `None` for all bytes from `first` on. A range that ends
    /// after the contents is cut off there.
    pub last: Option<u64>,
}

/// The header `Range`.
impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last {
            Some(last) => write!(f, "bytes={}-{last}", self.first),
            None => write!(f, "bytes={}-", self.first),
        }
    }
}

/// The bytes of a blob or a ratchet tree, or a range of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents {
    /// The bytes.
    pub bytes: Bytes,
    /// The position of the first of these bytes.
    pub offset: u64,
    /// The number of bytes of the whole.
    pub total: u64,
}

impl Contents {
    /// Returns whether these bytes are the whole. Then they match the hash that names them, unless
    /// the caller has left the check of a tree out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        u64::try_from(self.bytes.len()) == Ok(self.total)
    }

    /// Returns the whole.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        let total = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { bytes, offset: 0, total }
    }

    /// Returns the part that the header `Content-Range` describes, if it is the beginning of
    /// `range`.
    pub(crate) fn part(bytes: Bytes, header: &str, range: ByteRange) -> Option<Self> {
        let (places, total) = header.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = places.split_once('-')?;
        let (first, last, total) = (number(first)?, number(last)?, number(total)?);
        let length = last.checked_sub(first)?.checked_add(1)?;
        let end = total.checked_sub(1)?;
        let is_asked = first == range.first && last == range.last.unwrap_or(end).min(end);
        let is_complete = u64::try_from(bytes.len()) == Ok(length);
        (is_asked && is_complete).then_some(Self { bytes, offset: first, total })
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, offset, total } = self;
        write!(f, "Contents({} bytes from {offset} of {total})", bytes.len())
    }
}

/// Returns a decimal number without a sign and without leading zeros.
fn number(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_range_that_was_asked_for() {
        let part = |header: &str, first, last| {
            Contents::part(Bytes::from_static(b"abcde"), header, ByteRange { first, last })
        };
        let expected = Contents { bytes: Bytes::from_static(b"abcde"), offset: 5, total: 100 };
        assert_eq!(part("bytes 5-9/100", 5, Some(9)), Some(expected.clone()));
        assert!(!expected.is_whole());
        // The contents end before the range, or the range has no end.
        assert!(part("bytes 5-9/10", 5, Some(70)).is_some());
        assert!(part("bytes 5-9/10", 5, None).is_some());
        for header in [
            "bytes 5-9/8",
            "bytes 5-9/*",
            "bytes 5-8/100",
            "bytes 5-10/100",
            "bytes 4-8/100",
            "bytes 05-9/100",
            "bytes 9-5/100",
            "bytes */100",
            "5-9/100",
            "bytes 5-9",
            "bytes 0-4/5",
            "bytes 5-4/0",
            "",
        ] {
            assert_eq!(part(header, 5, Some(9)), None, "{header}");
        }
        // Less or more than was asked for.
        assert_eq!(part("bytes 5-9/100", 5, Some(10)), None);
        assert_eq!(part("bytes 5-9/100", 5, Some(8)), None);
        assert_eq!(part("bytes 5-9/100", 5, None), None);
        assert!(Contents::whole(Bytes::from_static(b"abcde")).is_whole());
    }
}
