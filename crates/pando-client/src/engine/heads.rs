//! Signed heads that members send, and the entries that the client has read.
//!
//! A head in a message is compared with the log that the client has read (docs/protocol.md, section
//! 8). A head that is not signed by the server blames its sender. A signed head that contradicts
//! the client's log blames the server, and becomes evidence with the signed head of the client's
//! own log.

use super::event::Event;
use super::rows::{GroupRow, HistoryRow, LaterHead, table_of};
use pando_api::{
    ClientId, EntrySummary, Equivocation, ForkEvidence, HandshakeData, HeadError, LogCursor, LogEntry, LogId,
    ServerKeys, SignedHead,
};
use pando_mls::{Decode, GroupId, MlsMessage, MlsMessageBody, Opaque, SecretBytes};
use pando_store::StoreError;

/// The table of the entries that were read.
const HISTORY: &[u8] = b"engine/history";

/// The number of entries that the client remembers, at least.
const KEPT: u64 = 4_096;

/// The most heads of a group that wait for their entries. Later ones are not compared.
const MOST_LATER: usize = 64;

/// A comparison of a signed head with the log.
pub(super) enum Compared {
    /// The head is that of the log, or of an entry that the client does not know.
    Consistent,
    /// The entry has not been read yet.
    Later,
    /// The head names a key that the server is not known to have.
    UnknownKey,
    /// The server has not signed the head, or it is of another log.
    Invented,
    /// The server has shown two logs.
    Forked(Box<Event>),
}

/// Returns a record of a table.
pub(super) type Lookup<'a> = dyn Fn(&[u8], u64) -> Result<Option<SecretBytes>, StoreError> + 'a;

/// Compares signed heads with the log of a group.
pub(super) struct Heads<'a> {
    pub(super) lookup: &'a Lookup<'a>,
    pub(super) log: LogId,
    pub(super) keys: &'a ServerKeys,
    /// The last entry that was read.
    pub(super) seq: u64,
    /// The last signed head of the client's own log.
    pub(super) own: Option<&'a SignedHead>,
}

impl Heads<'_> {
    /// Compares a head.
    pub(super) fn compare(&self, signed: &SignedHead) -> Result<Compared, StoreError> {
        match signed.verify(self.keys) {
            Ok(head) if head.log() == self.log => {}
            Err(HeadError::UnknownKey(_)) => return Ok(Compared::UnknownKey),
            _ => return Ok(Compared::Invented),
        }
        let head = &signed.head;
        if head.seq > self.seq {
            return Ok(Compared::Later);
        }
        let Some(read) = self.read(head.seq)? else { return Ok(Compared::Consistent) };
        if read.incarnation != head.incarnation || (read.hash, read.time) == (head.hash, head.time) {
            return Ok(Compared::Consistent);
        }
        // There is no evidence before a signed head of our own covers the entry, as the next page's
        // does.
        let Some(later) = self.own.filter(|own| own.head.seq >= head.seq) else {
            return Ok(Compared::Later);
        };
        if let Some(evidence) = Equivocation::between(signed, later) {
            return Ok(Compared::Forked(Box::new(Event::ServerEquivocated(evidence))));
        }
        let mut entries = Vec::new();
        for seq in head.seq..=later.head.seq {
            let Some(row) = self.read(seq)? else { return Ok(Compared::Consistent) };
            let HistoryRow { incarnation, time, kind, epoch, digest, .. } = row;
            entries.push(EntrySummary { incarnation, seq, time, kind, epoch, digest });
        }
        let previous = match head.seq.checked_sub(1) {
            None | Some(0) => Opaque::default(),
            Some(before) => match self.read(before)? {
                Some(row) => row.hash.as_ref().into(),
                None => return Ok(Compared::Consistent),
            },
        };
        let evidence = ForkEvidence { head: signed.clone(), previous, entries, later: later.clone() };
        Ok(Compared::Forked(Box::new(Event::ServerForked(evidence))))
    }

    fn read(&self, seq: u64) -> Result<Option<HistoryRow>, StoreError> {
        let value = (self.lookup)(&table_of(HISTORY, &self.log.group_id), seq)?;
        Ok(value.and_then(|value| HistoryRow::decode(value.expose()).ok()))
    }
}

/// Returns the row by which an entry is remembered, with its table, and the number of a row that is
/// forgotten for it.
pub(super) fn history_row(
    group_id: &GroupId,
    entry: &LogEntry,
    place: &LogCursor,
) -> (Vec<u8>, Option<HistoryRow>, Option<u64>) {
    let digest = pando_api::Digest::of(&entry.message);
    let LogEntry { incarnation, time, kind, epoch, .. } = *entry;
    let row = place.hash().map(|hash| HistoryRow { incarnation, time, kind, epoch, digest, hash });
    (table_of(HISTORY, group_id), row, entry.seq.checked_sub(KEPT))
}

/// Returns the head in the authenticated data of a handshake.
pub(super) fn head_of_handshake(message: &MlsMessage) -> Option<SignedHead> {
    let MlsMessageBody::PublicMessage(message) = &message.body else { return None };
    HandshakeData::read(&message.content.authenticated_data).ok()??.head
}

impl GroupRow {
    /// Remembers a head until its entry is read, with the client that has sent it and the place of
    /// the message.
    pub(super) fn put_later(&mut self, head: &SignedHead, sender: Option<ClientId>, seq: u64) {
        let is_known = self.later_heads.iter().any(|later| later.head == *head);
        if !is_known && self.later_heads.len() < MOST_LATER {
            self.later_heads.push(LaterHead { head: head.clone(), sender, seq });
        }
    }

    /// Removes and returns the heads that can be compared: those whose entries have been read, and
    /// those by unknown keys, unless the server will be asked for its keys.
    pub(super) fn take_reached(&mut self, seq: u64, keys: &ServerKeys, will_ask: bool) -> Vec<LaterHead> {
        let is_reached = |later: &LaterHead| match keys.get(later.head.key_id) {
            Some(_) => later.head.head.seq <= seq,
            None => !will_ask,
        };
        let (reached, later) = std::mem::take(&mut self.later_heads).into_iter().partition(is_reached);
        self.later_heads = later;
        reached
    }
}
