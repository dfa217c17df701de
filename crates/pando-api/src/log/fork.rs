//! Evidence that a server signed a head of another log than the one it showed.

use super::entry::{EntryFields, EntryKind};
use super::head::SignedHead;
use super::key::{HeadError, ServerKeys};
use crate::Digest;
use pando_wire::{Encode, Opaque, list};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// An entry of a log without its message.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct EntrySummary {
    /// The incarnation of the server's data in which the entry was made.
    pub incarnation: u64,
    /// The sequence number.
    pub seq: u64,
    /// The time at which the server accepted the message, in milliseconds since 1970.
    pub time: u64,
    /// The kind of the message.
    pub kind: EntryKind,
    /// The epoch of the message.
    pub epoch: u64,
    /// The digest of the message.
    pub digest: Digest,
}

/// Two signed heads of one log and one incarnation that belong to different logs (docs/protocol.md,
/// section 7): the head of an entry, and the head of the same or a later entry, with the entries
/// between. The entries show that the later head commits to another entry at the place of the first
/// head. They convince everyone who knows the server's keys. The messages are not needed.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ForkEvidence {
    /// The first head.
    pub head: SignedHead,
    /// The hash of the entry before the first one of `entries`; empty if that is entry 1.
    pub previous: Opaque,
    /// The entries from the place of the first head to that of the later head.
    #[tls_codec(with = "list")]
    pub entries: Vec<EntrySummary>,
    /// The later head.
    pub later: SignedHead,
}

impl Encode for ForkEvidence {}

impl ForkEvidence {
    /// Returns whether this evidence proves that the server with these keys showed two logs.
    ///
    /// # Errors
    /// [`HeadError`] if a head is not signed by the server, so that the evidence proves nothing.
    pub fn verify(&self, keys: &ServerKeys) -> Result<bool, HeadError> {
        let head = self.head.verify(keys)?;
        let later = self.later.verify(keys)?;
        let [first, ..] = &*self.entries else { return Ok(false) };
        if head.log() != later.log() || (first.seq, first.incarnation) != (head.seq, head.incarnation) {
            return Ok(false);
        }
        let mut at_head = None;
        let mut previous = self.previous.clone();
        let mut seq = first.seq;
        for (index, entry) in self.entries.iter().enumerate() {
            let is_next = index == 0 || Some(entry.seq) == seq.checked_add(1);
            let EntrySummary { incarnation, time, kind, epoch, .. } = *entry;
            let digest = entry.digest.as_ref();
            let fields = EntryFields { incarnation, seq: entry.seq, time, kind, epoch, digest };
            let Ok(hash) = later.log().hash(fields, &previous) else { return Ok(false) };
            if !is_next {
                return Ok(false);
            }
            at_head.get_or_insert((hash, time));
            (previous, seq) = (hash.as_ref().into(), entry.seq);
        }
        let reaches_later = (seq, &*previous) == (later.seq, later.hash.as_ref());
        Ok(reaches_later && at_head != Some((head.hash, head.time)))
    }
}
