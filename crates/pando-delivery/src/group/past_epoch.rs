//! Facts about an epoch that a Commit has ended: its GroupContext, and single leaves of its tree.
//! Reports and resets need them (docs/protocol.md, section 15).
//!
//! The rows of a past epoch are kept as long as its ratchet tree, so the retention of trees bounds
//! their number.

use super::key::Key;
use super::public_rows::context_in;
use crate::error::Refusal;
use crate::store::Snapshot;
use pando_mls::wire::NodeIndex;
use pando_mls::{Decode, GroupContext, LeafIndex, LeafNode, RowKey, TreeKey};

/// Number of epochs that a past epoch may be behind the current one. Reading a leaf takes a time in
/// proportion to this number.
const MAX_EPOCHS: u64 = 1_000;

/// An epoch that a Commit has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PastEpoch {
    epoch: u64,
    current: u64,
    /// The sequence number of the Commit that ended the epoch.
    pub(crate) ended_by: u64,
}

impl PastEpoch {
    /// Finds a past epoch of a group that is in the epoch `current`. Returns `None` if the epoch
    /// has not ended, or its rows are no longer kept.
    pub(crate) fn find(rows: &dyn Snapshot, epoch: u64, current: u64) -> Result<Option<Self>, Refusal> {
        if !(1..=MAX_EPOCHS).contains(&current.saturating_sub(epoch)) {
            return Ok(None);
        }
        let Some(seq) = rows.get(&Key::Past(epoch).encode())? else { return Ok(None) };
        let seq = seq.as_slice().try_into().map_err(|_| Refusal::corrupt("past epoch"))?;
        Ok(Some(Self { epoch, current, ended_by: u64::from_be_bytes(seq) }))
    }

    /// Returns the GroupContext of the epoch.
    pub(crate) fn context(&self, rows: &dyn Snapshot) -> Result<GroupContext, Refusal> {
        let row = self.row(rows, RowKey::Public)?;
        context_in(rows, &row.ok_or_else(|| Refusal::corrupt("past epoch"))?)
    }

    /// Returns a leaf in the epoch, or `None` if the leaf was blank or did not exist.
    pub(crate) fn leaf(&self, rows: &dyn Snapshot, leaf: LeafIndex) -> Result<Option<LeafNode>, Refusal> {
        let Some(node) = leaf.0.checked_mul(2) else { return Ok(None) };
        let row = self.row(rows, RowKey::Tree(TreeKey::Node(NodeIndex(node))))?;
        let leaf = row.map(|row| LeafNode::decode(&row)).transpose();
        leaf.map_err(|error| Refusal::internal(&error))
    }

    /// Returns the value that a row had in the epoch: the value that the first Commit since then
    /// has replaced or, if there is no such Commit, the current value.
    fn row(&self, rows: &dyn Snapshot, key: RowKey) -> Result<Option<Vec<u8>>, Refusal> {
        for past in self.epoch..self.current {
            if let Some(row) = rows.get(&Key::Before(past, key).encode())? {
                return match row.split_first() {
                    Some((0, _)) => Ok(None),
                    Some((_, value)) => Ok(Some(value.to_vec())),
                    None => Err(Refusal::corrupt("past epoch")),
                };
            }
        }
        Ok(rows.get(&Key::Public(key).encode())?)
    }
}
