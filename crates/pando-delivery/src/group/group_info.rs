//! The GroupInfo of the current epoch, as the committer sent it.

use super::key::Key;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Snapshot, Transaction};
use pando_mls::{CipherSuite, PublicState};
use pando_wire::Opaque;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The row with the GroupInfo of the current epoch.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct GroupInfoRow {
    /// The `MLSMessage` of the GroupInfo. Empty if the group has ended by a ReInit, because its
    /// last epoch cannot be joined.
    pub(crate) group_info: Opaque,
    /// The cipher suite of the group.
    pub(crate) cipher_suite: CipherSuite,
    /// The tree hash of the epoch.
    pub(crate) tree_hash: Opaque,
    /// The number of leaves of the ratchet tree, blank leaves included.
    pub(crate) tree_leaves: u32,
}

impl GroupInfoRow {
    /// Returns the row for an epoch with this public state.
    pub(crate) fn new(public: &PublicState, group_info: &[u8]) -> Self {
        Self {
            group_info: group_info.into(),
            cipher_suite: public.suite().cipher_suite(),
            tree_hash: public.context().tree_hash.to_vec().into(),
            tree_leaves: public.tree().size().leaf_count(),
        }
    }

    /// Reads the row.
    pub(crate) fn read(rows: &dyn Snapshot) -> Result<Self, Refusal> {
        let row = rows.get(&Key::GroupInfo.encode())?.ok_or_else(|| Refusal::corrupt("GroupInfo"))?;
        decode(&row)
    }

    /// Writes the row, and records that the epoch has this tree.
    pub(crate) fn write(&self, rows: &mut dyn Transaction, epoch: u64) -> Result<(), Refusal> {
        rows.put(&Key::Tree(&self.tree_hash).encode(), &epoch.to_be_bytes())?;
        Ok(rows.put(&Key::GroupInfo.encode(), &encode(self)?)?)
    }
}
