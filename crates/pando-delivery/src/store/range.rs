//! Ranges of keys, and pages of rows.

use crate::store::error::Limit;

/// A range of keys within one partition. Keys are ordered bytewise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    start: Vec<u8>,
    /// The first key after the range, or `None` if the range extends to the last key.
    end: Option<Vec<u8>>,
}

impl KeyRange {
    /// Returns the range of all keys.
    #[must_use]
    pub const fn all() -> Self {
        Self { start: Vec::new(), end: None }
    }

    /// Returns the range of all keys that are at least `start`.
    #[must_use]
    pub fn starting_at(start: impl Into<Vec<u8>>) -> Self {
        Self { start: start.into(), end: None }
    }

    /// Returns the range of all keys that are at least `start` and less than `end`. The range is
    /// empty if `end` is not greater than `start`.
    #[must_use]
    pub fn between(start: impl Into<Vec<u8>>, end: impl Into<Vec<u8>>) -> Self {
        Self { start: start.into(), end: Some(end.into()) }
    }

    /// Returns the range of all keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let start = prefix.into();
        // The end is the prefix without its trailing bytes 0xff, and with the last byte that
        // remains incremented. If no byte remains, all keys from the prefix on begin with it.
        let mut end = start.clone();
        while end.last() == Some(&u8::MAX) {
            end.pop();
        }
        let end = end.last_mut().map(|last| *last = last.saturating_add(1)).map(|()| end);
        Self { start, end }
    }

    /// Returns the keys of this range that are greater than `key`. A scan continues with this range
    /// after `key`.
    #[must_use]
    pub fn after(&self, key: &[u8]) -> Self {
        // No key lies between `key` and `key` followed by a zero byte.
        let next = [key, &[0]].concat();
        Self { start: next.max(self.start.clone()), end: self.end.clone() }
    }

    /// Returns the first key that the range can contain.
    #[must_use]
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// Returns the first key after the range, or `None` if the range extends to the last key.
    #[must_use]
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    /// Returns whether the range cannot contain any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// Returns the first key after the range. For a range that extends to the last key, this is a
    /// key that is longer than the maximum and greater than all others.
    pub(crate) fn end_or_greatest(&self) -> &[u8] {
        const GREATEST: [u8; Limit::KEY + 1] = [u8::MAX; Limit::KEY + 1];
        self.end().unwrap_or(&GREATEST)
    }
}

/// A row of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key of the row.
    pub key: Vec<u8>,
    /// The value of the row.
    pub value: Vec<u8>,
}

/// A limit for the rows that a scan returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLimit {
    /// Maximum number of rows.
    pub rows: usize,
    /// Maximum total length of keys and values. A scan returns its first row even if that row
    /// exceeds this limit, so that a reader always makes progress.
    pub bytes: usize,
}

impl ScanLimit {
    /// Returns a limit for the number of rows alone.
    #[must_use]
    pub const fn rows(rows: usize) -> Self {
        Self { rows, bytes: usize::MAX }
    }
}

/// The rows that a scan found, in the order of their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether the range contains further rows after these.
    pub has_more: bool,
}

impl Page {
    /// Collects rows until the limit is reached.
    pub(crate) fn collect<E>(
        rows: impl Iterator<Item = Result<Row, E>>,
        limit: ScanLimit,
    ) -> Result<Self, E> {
        let (mut page, mut bytes) = (Self::default(), 0_usize);
        for row in rows {
            let row = row?;
            bytes = bytes.saturating_add(row.key.len()).saturating_add(row.value.len());
            let is_first = page.rows.is_empty();
            if page.rows.len() >= limit.rows || (bytes > limit.bytes && !is_first) {
                page.has_more = true;
                break;
            }
            page.rows.push(row);
        }
        Ok(page)
    }
}

/// A partition with its due time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The due time, in the unit that the caller of
    /// [`Transaction::set_due`](crate::store::Transaction::set_due) has chosen.
    pub at: u64,
    /// The name of the partition.
    pub partition: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_after_its_last_key() {
        let cases: [(&[u8], Option<&[u8]>); 5] = [
            (&[], None),
            (&[1], Some(&[2])),
            (&[1, 0xfe], Some(&[1, 0xff])),
            (&[1, 0xff, 0xff], Some(&[2])),
            (&[0xff, 0xff], None),
        ];
        for (prefix, end) in cases {
            let range = KeyRange::prefix(prefix);
            assert_eq!((range.start(), range.end()), (prefix, end));
        }
    }

    #[test]
    fn a_range_after_a_key_excludes_the_key() {
        let range = KeyRange::between(*b"b", *b"d");
        assert_eq!(range.after(b"b"), KeyRange::between(*b"b\0", *b"d"));
        assert_eq!(range.after(b"a"), range);
        assert!(range.after(b"d").is_empty());
    }
}
