//! Receipts: the server's proof that it gave a message its place in a log.

use super::entry::{EntryFields, EntryKind};
use super::head::SignedHead;
use super::key::{HeadError, ServerKeys};
use crate::Digest;
use pando_wire::{Encode, Opaque};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The server's answer to a message: the fields of the entry, and the signed head with its hash.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Receipt {
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The epoch of the message.
    pub epoch: u64,
    /// The digest of the message.
    pub digest: Digest,
    /// The hash of the previous entry; empty if the sequence number is 1.
    pub previous: Opaque,
    /// The signed head of the entry.
    pub head: SignedHead,
}

impl Encode for Receipt {}

impl Receipt {
    /// Verifies that the server with these keys gave `message` this place in its log.
    ///
    /// The caller compares the log, the epoch and the kind with its request.
    ///
    /// # Errors
    /// [`ReceiptError`] for the first check that fails.
    pub fn verify(&self, message: &[u8], keys: &ServerKeys) -> Result<(), ReceiptError> {
        if self.digest != Digest::of(message) {
            return Err(ReceiptError::Message);
        }
        self.verify_place(keys)
    }

    /// Verifies that the server with these keys gave some message with this receipt's digest this
    /// place in its log. Receipts of the server's own proposals are verified in this way, because
    /// the client does not have the message.
    ///
    /// # Errors
    /// [`ReceiptError`] for the first check that fails.
    pub fn verify_place(&self, keys: &ServerKeys) -> Result<(), ReceiptError> {
        let head = self.head.verify(keys)?;
        let fields = EntryFields {
            incarnation: head.incarnation,
            seq: head.seq,
            time: head.time,
            kind: self.kind,
            epoch: self.epoch,
            digest: self.digest.as_ref(),
        };
        let hash = head.log().hash(fields, &self.previous).map_err(|_| ReceiptError::Hash)?;
        if hash == head.hash { Ok(()) } else { Err(ReceiptError::Hash) }
    }
}

/// Reason why a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The receipt is for another message.
    #[error("receipt is for another message")]
    Message,
    /// The head of the receipt is not the hash of its fields.
    #[error("head of the receipt does not match its fields")]
    Hash,
    /// The head is not signed by the server.
    #[error(transparent)]
    Head(#[from] HeadError),
}
