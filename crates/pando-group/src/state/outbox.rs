//! Messages that belong to our Commits and are sent after the Commits are accepted.
//!
//! A Welcome is sealed only once, because sealing it again would reuse the welcome key and nonce
//! (section 12.4.3.1). The bytes of the Welcome are stored by the same Delta as the pending Commit,
//! and they outlive the merge. The bytes are deleted when the application acknowledges the
//! delivery.

use crate::storage::row_key::{OutboxId, OutboxKind, RowKey, Rows};
use pando_crypto::SecretBytes;
use pando_wire::{Encode, EncodeError, GroupInfo, MlsMessage, Welcome};
use std::collections::BTreeMap;

/// Encoded messages, in the order of the epochs to which their Commits lead.
#[derive(Debug, Default)]
pub(crate) struct Outbox(BTreeMap<OutboxId, Vec<u8>>);

impl Outbox {
    /// Restores the outbox from its stored rows.
    pub(crate) fn restore(rows: &Rows) -> Self {
        let message = |(key, row): (&RowKey, &SecretBytes)| match key {
            RowKey::Outbox(id) => Some((*id, row.expose().to_vec())),
            _ => None,
        };
        Self(rows.iter().filter_map(message).collect())
    }

    /// Returns the messages of a Commit that leads to `epoch`.
    pub(crate) fn of_commit(
        epoch: u64,
        welcome: Option<&Welcome>,
        group_info: Option<&GroupInfo>,
    ) -> Result<Self, EncodeError> {
        let welcome = welcome.map(|welcome| (OutboxKind::Welcome, MlsMessage::from(welcome.clone())));
        let group_info =
            group_info.map(|group_info| (OutboxKind::GroupInfo, MlsMessage::from(group_info.clone())));
        let messages = welcome.into_iter().chain(group_info);
        let encoded = messages.map(|(kind, message)| Ok((OutboxId { epoch, kind }, message.encode()?)));
        encoded.collect::<Result<_, EncodeError>>().map(Self)
    }

    /// Adds the messages of another outbox.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Drops the messages of Commits that lead beyond `epoch`, because those Commits were not
    /// accepted. Returns the rows to delete.
    pub(crate) fn drop_after(&mut self, epoch: u64) -> impl Iterator<Item = RowKey> + use<> {
        let ids: Vec<_> = self.0.keys().copied().filter(|id| id.epoch > epoch).collect();
        ids.iter().for_each(|id| drop(self.0.remove(id)));
        ids.into_iter().map(RowKey::Outbox)
    }

    /// Returns the messages of Commits that lead to `epoch` or to an earlier epoch, the oldest
    /// first.
    pub(crate) fn up_to(&self, epoch: u64) -> impl Iterator<Item = (OutboxId, &[u8])> {
        let accepted = self.0.iter().filter(move |(id, _)| id.epoch <= epoch);
        accepted.map(|(id, bytes)| (*id, bytes.as_slice()))
    }

    /// Drops a message, and returns whether the outbox contained it.
    pub(crate) fn remove(&mut self, id: OutboxId) -> bool {
        self.0.remove(&id).is_some()
    }

    /// Returns the rows of all messages.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (RowKey, SecretBytes)> {
        self.0.iter().map(|(id, bytes)| (RowKey::Outbox(*id), bytes.as_slice().into()))
    }
}
