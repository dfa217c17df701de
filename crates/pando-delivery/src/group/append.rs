//! Appending an entry to a group's log.

use super::key::Key;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Snapshot, Transaction};
use pando_api::{Digest, EntryKind, Head, LogEntry, LogId, ProblemCode, Receipt, ServerKey};
use pando_wire::Opaque;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A stored entry of a log. The sequence number is in the key.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct EntryRow {
    pub(crate) incarnation: u64,
    pub(crate) time: u64,
    pub(crate) kind: EntryKind,
    pub(crate) epoch: u64,
    pub(crate) hash: Digest,
    pub(crate) message: Opaque,
}

impl EntryRow {
    /// Reads the entry with this sequence number, if the log still has it.
    pub(crate) fn find(rows: &dyn Snapshot, seq: u64) -> Result<Option<Self>, Refusal> {
        let row = rows.get(&Key::Entry(seq).encode())?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Returns the entry with this sequence number for a receipt, if the log still has the entry
    /// and the one before it.
    pub(crate) fn receipt(rows: &dyn Snapshot, log: &LogId, seq: u64) -> Result<Option<Appended>, Refusal> {
        let Some(row) = Self::find(rows, seq)? else { return Ok(None) };
        let previous = match seq.checked_sub(1).filter(|previous| *previous > 0) {
            None => Opaque::default(),
            Some(previous) => match Self::find(rows, previous)? {
                Some(previous) => previous.hash.as_ref().into(),
                None => return Ok(None),
            },
        };
        let Self { incarnation, time, kind, epoch, hash, message } = row;
        let head = Position { incarnation, seq, time, hash }.head(log);
        Ok(Some(Appended { kind, epoch, digest: Digest::of(&message), previous, head }))
    }
}

/// A message to append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) kind: EntryKind,
    pub(crate) epoch: u64,
    pub(crate) bytes: &'a [u8],
}

/// The time and the incarnation of a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time in milliseconds since 1970.
    pub now: u64,
    /// The incarnation of the server's data.
    pub incarnation: u64,
}

/// An entry that was appended, from which a receipt is made once the transaction is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    kind: EntryKind,
    epoch: u64,
    digest: Digest,
    previous: Opaque,
    head: Head,
}

impl Appended {
    /// Signs a receipt.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if the head cannot be encoded.
    pub fn receipt(self, key: &ServerKey) -> Result<Receipt, Refusal> {
        let Self { kind, epoch, digest, previous, head } = self;
        let head = head.sign(key).map_err(|error| Refusal::internal(&error))?;
        Ok(Receipt { kind, epoch, digest, previous, head })
    }

    /// Returns the sequence number of the entry.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.head.seq
    }
}

/// Appends a message to the log after the entry `last`. Returns the new end of the log, which the
/// caller writes to the [`GroupRow`](super::group_row::GroupRow). The caller has checked that the
/// message is not in the log yet.
///
/// The time of an entry is at least the time of the entry before it, even if the server's clock was
/// set back.
pub(crate) fn append(
    rows: &mut dyn Transaction,
    log: &LogId,
    last: Option<Position>,
    message: Message<'_>,
    moment: Moment,
) -> Result<(Appended, Position), Refusal> {
    let (seq, time, incarnation) = match last {
        None => (Some(1), moment.now, moment.incarnation),
        Some(last) => {
            let incarnation = moment.incarnation.max(last.incarnation);
            (last.seq.checked_add(1), moment.now.max(last.time), incarnation)
        }
    };
    let seq = seq.ok_or_else(|| Refusal::new(ProblemCode::Internal, "the log is full"))?;
    let previous: Opaque = last.map(|last| last.hash.as_ref().into()).unwrap_or_default();
    let Message { kind, epoch, bytes } = message;
    let entry = LogEntry { incarnation, seq, time, kind, epoch, message: bytes.into() };
    let hash = log.entry_hash(&entry, &previous).map_err(|error| Refusal::internal(&error))?;
    let digest = Digest::of(bytes);
    let row = EntryRow { incarnation, time, kind, epoch, hash, message: entry.message };
    rows.put(&Key::Entry(seq).encode(), &encode(&row)?)?;
    rows.put(&Key::Digest(digest).encode(), &seq.to_be_bytes())?;
    let position = Position { incarnation, seq, time, hash };
    let head = position.head(log);
    Ok((Appended { kind, epoch, digest, previous, head }, position))
}

/// The place of an entry in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct Position {
    pub(crate) incarnation: u64,
    pub(crate) seq: u64,
    pub(crate) time: u64,
    pub(crate) hash: Digest,
}

impl Position {
    /// Returns the place of a creation that is not stored yet.
    pub(crate) fn start() -> Self {
        Self { incarnation: 0, seq: 1, time: 0, hash: Digest::from([0; 32]) }
    }

    /// Returns the head of the entry.
    pub(crate) fn head(self, log: &LogId) -> Head {
        let Self { incarnation, seq, time, hash } = self;
        Head { domain: log.domain.clone(), group_id: log.group_id.clone(), incarnation, seq, time, hash }
    }
}

/// Returns the entry with a message that was appended before, so that repeating a request returns
/// the first answer.
pub(crate) fn find(rows: &dyn Snapshot, log: &LogId, bytes: &[u8]) -> Result<Option<Appended>, Refusal> {
    let digest = Digest::of(bytes);
    let Some(seq) = rows.get(&Key::Digest(digest).encode())? else { return Ok(None) };
    let seq = seq.try_into().map(u64::from_be_bytes).map_err(|_| Refusal::corrupt("sequence number"))?;
    // The log may have been cut off since.
    EntryRow::receipt(rows, log, seq)
}
