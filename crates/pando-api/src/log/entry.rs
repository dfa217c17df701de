//! Entries of a log, and the hash that chains them.

use super::head::SignedHead;
use super::log_id::LogId;
use crate::{Digest, Domain};
use pando_wire::{
    ContentType, Decode, DecodeError, Encode, EncodeError, GroupId, MlsMessage, MlsMessageBody, Opaque, list,
};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum EntryKind {
    /// The creation of the group. The message is the GroupInfo of epoch 0.
    Creation = 1,
    /// A Commit.
    Commit = 2,
    /// A proposal.
    Proposal = 3,
    /// An application message.
    Application = 4,
}

/// An entry as it is sent to readers.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LogEntry {
    /// The incarnation of the server's data in which the entry was made.
    pub incarnation: u64,
    /// The sequence number, from 1 on.
    pub seq: u64,
    /// The time at which the server accepted the message, in milliseconds since 1970.
    pub time: u64,
    /// The kind of the message.
    pub kind: EntryKind,
    /// The epoch of the message: for a Commit, the epoch that the Commit ends.
    pub epoch: u64,
    /// The message, an encoded `MLSMessage`.
    pub message: Opaque,
}

impl Encode for LogEntry {}

impl LogEntry {
    /// Decodes the message and checks that the entry's kind and epoch are those of the message, and
    /// that the message is of this group. Readers call this function, because the log's hashes
    /// cover whatever the server wrote into the entry.
    ///
    /// # Errors
    /// [`EntryError`] if the message is malformed or does not fit the entry.
    pub fn decode_message(&self, group_id: &GroupId) -> Result<MlsMessage, EntryError> {
        let message = MlsMessage::decode(&self.message)?;
        let kind = match (&message.body, message.content_type()) {
            (MlsMessageBody::GroupInfo(_), _) => Some(EntryKind::Creation),
            (MlsMessageBody::PublicMessage(_), Some(ContentType::Commit)) => Some(EntryKind::Commit),
            (MlsMessageBody::PublicMessage(_), Some(ContentType::Proposal)) => Some(EntryKind::Proposal),
            (MlsMessageBody::PrivateMessage(_), Some(ContentType::Application)) => {
                Some(EntryKind::Application)
            }
            _ => None,
        };
        if kind != Some(self.kind) {
            return Err(EntryError::Kind(self.seq));
        }
        if message.epoch() != Some(self.epoch) {
            return Err(EntryError::Epoch(self.seq));
        }
        if message.group_id() != Some(group_id) {
            return Err(EntryError::Group(self.seq));
        }
        Ok(message)
    }
}

/// Reason why the message of an entry does not fit the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The message is malformed.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The message is not of the entry's kind.
    #[error("message of entry {0} is of another kind")]
    Kind(u64),
    /// The message is not of the entry's epoch.
    #[error("message of entry {0} is of another epoch")]
    Epoch(u64),
    /// The message is not of the group of the log.
    #[error("message of entry {0} is of another group")]
    Group(u64),
}

/// Consecutive entries of a log.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct LogPage {
    /// The hash of the entry before the first one; empty if the first one has the sequence number
    /// 1.
    pub previous: Opaque,
    /// The entries.
    #[tls_codec(with = "list")]
    pub entries: Vec<LogEntry>,
    /// The signed head of the last entry of this page. If the page has no entry, it is the head of
    /// the entry that the reader named in its request.
    pub head: SignedHead,
    /// The last sequence number that the reader may read because of its removal, or 0.
    pub end: u64,
}

impl Encode for LogPage {}

/// The fields of an entry that its hash covers, except the log and the previous hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryFields<'a> {
    pub(crate) incarnation: u64,
    pub(crate) seq: u64,
    pub(crate) time: u64,
    pub(crate) kind: EntryKind,
    pub(crate) epoch: u64,
    pub(crate) digest: &'a [u8],
}

/// `EntryHashInput`.
#[derive(Debug, TlsSerialize, TlsSize)]
struct EntryHashInput {
    label: Opaque,
    domain: Domain,
    group_id: GroupId,
    incarnation: u64,
    seq: u64,
    time: u64,
    kind: EntryKind,
    epoch: u64,
    digest: Opaque,
    previous: Opaque,
}

impl Encode for EntryHashInput {}

impl LogId {
    /// Returns the hash of the entry that contains `message` and follows the entry with the hash
    /// `previous`. `previous` is empty for the sequence number 1.
    ///
    /// # Errors
    /// [`EncodeError`] if a field is too long.
    pub fn entry_hash(&self, entry: &LogEntry, previous: &[u8]) -> Result<Digest, EncodeError> {
        let digest = Digest::of(&entry.message);
        let LogEntry { incarnation, seq, time, kind, epoch, .. } = *entry;
        self.hash(EntryFields { incarnation, seq, time, kind, epoch, digest: digest.as_ref() }, previous)
    }

    /// Returns the hash of the entry with these fields.
    pub(crate) fn hash(&self, fields: EntryFields<'_>, previous: &[u8]) -> Result<Digest, EncodeError> {
        let input = EntryHashInput {
            label: b"Pando 1.0 LogEntry".as_slice().into(),
            domain: self.domain.clone(),
            group_id: self.group_id.clone(),
            incarnation: fields.incarnation,
            seq: fields.seq,
            time: fields.time,
            kind: fields.kind,
            epoch: fields.epoch,
            digest: fields.digest.into(),
            previous: previous.into(),
        };
        Ok(Digest::of(&input.encode()?))
    }
}
