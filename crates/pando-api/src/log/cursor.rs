//! The place that a reader of a log has reached.

use super::entry::{LogEntry, LogPage};
use super::head::{Head, SignedHead};
use super::key::{HeadError, ServerKeys};
use super::log_id::LogId;
use crate::Digest;
use pando_wire::{Encode, EncodeError};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The last entry that a reader has read. It accepts only pages that continue the log from there.
///
/// When the server's data is restored from a backup, its incarnation rises. If the backup includes
/// the reader's last entry, the log continues from that entry and the reader notices nothing but
/// the new incarnation. Otherwise the server has lost entries that the reader has, and no page
/// follows: see [`LogError::Chain`].
///
/// A reader stores its cursor in its encoding, which only this crate reads.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LogCursor {
    log: LogId,
    incarnation: u64,
    seq: u64,
    time: u64,
    /// The hash of the entry `seq`. `None` if the reader has not read an entry yet and takes the
    /// server's word for the first one.
    hash: Option<Digest>,
    /// The signed head of the entry `seq`, if a page was read.
    head: Option<SignedHead>,
}

impl Encode for LogCursor {}

impl LogCursor {
    /// Returns the place of an entry, from which a reader goes on that knows the signed head of the
    /// entry, for instance from a receipt. The caller has verified the head.
    #[must_use]
    pub fn at(head: &SignedHead) -> Self {
        let Head { incarnation, seq, time, hash, .. } = head.head;
        Self { log: head.head.log(), incarnation, seq, time, hash: Some(hash), head: Some(head.clone()) }
    }

    /// Returns the place before the entry `first`, from which a new member reads. The hash of the
    /// entry before `first` is taken from the first page.
    #[must_use]
    pub const fn before(log: LogId, first: u64) -> Self {
        Self { log, incarnation: 0, seq: first.saturating_sub(1), time: 0, hash: None, head: None }
    }

    /// Returns the log.
    #[must_use]
    pub const fn log(&self) -> &LogId {
        &self.log
    }

    /// Returns the sequence number of the last entry that was read.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the incarnation of the last entry that was read; 0 if none was read.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Returns the hash of the last entry that was read, if one was read.
    #[must_use]
    pub const fn hash(&self) -> Option<Digest> {
        self.hash
    }

    /// Returns the time of the last entry that was read, in milliseconds since 1970; 0 if none was
    /// read.
    #[must_use]
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// Returns the signed head of the last entry that was read, if a page was read. If the server
    /// later shows another log, this head is one half of the evidence for an
    /// [`Equivocation`](super::Equivocation).
    #[must_use]
    pub const fn signed_head(&self) -> Option<&SignedHead> {
        self.head.as_ref()
    }

    /// Verifies that a page continues the log, and returns the place after it. The caller stores
    /// the new place together with the effects of the entries.
    ///
    /// # Errors
    /// [`LogError`] for the first rule that the page breaks. The server is to blame for all of
    /// them, unless the page was altered on its way, which TLS prevents.
    pub fn advance(&self, page: &LogPage, keys: &ServerKeys) -> Result<Self, LogError> {
        let (last, _) = self.places(page, keys)?;
        Ok(last)
    }

    /// Verifies a page like [`LogCursor::advance`]. Returns the place after the page, and the place
    /// after each entry, for a caller that stores the effects of the entries one by one. Only the
    /// place after the page has a signed head.
    ///
    /// # Errors
    /// Returns the errors of [`LogCursor::advance`].
    pub fn places(&self, page: &LogPage, keys: &ServerKeys) -> Result<(Self, Vec<Self>), LogError> {
        let head = page.head.verify(keys)?;
        if head.log() != self.log {
            return Err(LogError::OtherLog);
        }
        let mut place = self.clone();
        let previous = match (self.seq, &*page.previous) {
            (0, []) => None,
            (0, _) | (_, []) => return Err(LogError::Chain(self.seq)),
            (_, previous) => {
                let previous = <[u8; 32]>::try_from(previous).map_err(|_| LogError::Chain(self.seq))?;
                Some(Digest::from(previous))
            }
        };
        if self.hash.is_some() && self.hash != previous {
            return Err(LogError::Chain(self.seq));
        }
        place.hash = previous;
        let mut places = Vec::new();
        for entry in &page.entries {
            place = place.after(entry)?;
            places.push(place.clone());
        }
        let reached = (place.seq, place.hash);
        let is_reached = reached == (head.seq, Some(head.hash));
        // A reader that has read nothing does not know the time and the incarnation of its place.
        let is_known = !page.entries.is_empty() || self.hash.is_some();
        let has_fields = (place.incarnation, place.time) == (head.incarnation, head.time);
        if is_reached && (has_fields || !is_known) {
            let signed_head = Some(page.head.clone());
            let last = Self { incarnation: head.incarnation, time: head.time, head: signed_head, ..place };
            Ok((last, places))
        } else {
            Err(LogError::Head(head.seq))
        }
    }

    /// Returns the place after the next entry.
    fn after(&self, entry: &LogEntry) -> Result<Self, LogError> {
        if Some(entry.seq) != self.seq.checked_add(1) {
            return Err(LogError::Gap { after: self.seq, found: entry.seq });
        }
        if entry.incarnation < self.incarnation {
            return Err(LogError::Incarnation(entry.seq));
        }
        if entry.time < self.time {
            return Err(LogError::Time(entry.seq));
        }
        let previous: &[u8] = self.hash.as_ref().map_or(&[], Digest::as_ref);
        let hash = self.log.entry_hash(entry, previous)?;
        let LogEntry { incarnation, seq, time, .. } = *entry;
        Ok(Self { log: self.log.clone(), incarnation, seq, time, hash: Some(hash), head: None })
    }
}

/// Reason why a page does not continue a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The head is of another group or another server.
    #[error("page is of another log")]
    OtherLog,
    /// The page does not continue from the entry that the reader has read. The server has shown
    /// another log before, or has lost entries.
    #[error("log does not continue from entry {0}")]
    Chain(u64),
    /// The sequence numbers of the entries are not consecutive.
    #[error("entry {found} follows entry {after}")]
    Gap {
        /// The sequence number before.
        after: u64,
        /// The sequence number that follows.
        found: u64,
    },
    /// An entry has a lower incarnation than the entry before it.
    #[error("entry {0} is of an earlier incarnation than the entry before it")]
    Incarnation(u64),
    /// An entry has an earlier time than the entry before it.
    #[error("entry {0} is earlier than the entry before it")]
    Time(u64),
    /// The signed head is not the hash of the last entry.
    #[error("signed head {0} does not match the last entry")]
    Head(u64),
    /// The head is not signed by the server.
    #[error(transparent)]
    Signature(#[from] HeadError),
    /// An entry is too long to be hashed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
