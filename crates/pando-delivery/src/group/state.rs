//! The current state of a group, and the ratchet trees of current and past epochs
//! (docs/protocol.md, section 10).

use super::append::Position;
use super::caller::Caller;
use super::group_info::GroupInfoRow;
use super::group_row::GroupRow;
use super::handshake::may_join;
use super::key::Key;
use super::members::{has_member, is_member};
use super::pending;
use super::public_rows::in_epoch;
use crate::error::Refusal;
use crate::store::Snapshot;
use pando_api::{Domain, GroupState, GroupSummary, LogId, PendingProposal, ProblemCode, ServerKey};
use pando_mls::{CipherSuite, CryptoProvider, GroupId, RowKey, Rows, Tree};

/// The most epochs by which the tree of a past epoch may be behind the current one. The rows of
/// each of these epochs are read to bring back the tree.
const MAX_PAST_EPOCHS: u64 = 10_000;

/// The state of a group, without the signature of its head.
#[derive(Debug)]
pub struct UnsignedState {
    log: LogId,
    end: Position,
    group_info: GroupInfoRow,
    proposals: Vec<PendingProposal>,
    successor: Option<GroupId>,
}

impl UnsignedState {
    /// Reads the state of a group. The caller is a client of a user that has a member, for example
    /// a device that joins by an external Commit.
    ///
    /// # Errors
    /// [`ProblemCode::NotFound`] if there is no such group, or the caller's user has no member.
    pub fn read(
        rows: &dyn Snapshot,
        domain: &Domain,
        group_id: &GroupId,
        caller: &Caller,
    ) -> Result<Self, Refusal> {
        let group = GroupRow::read(rows)?;
        check_joiner(rows, caller)?;
        let group_info = GroupInfoRow::read(rows)?;
        let proposals = pending::read(rows)?;
        let log = LogId { domain: domain.clone(), group_id: group_id.clone() };
        let GroupRow { end, successor, .. } = group;
        Ok(Self { log, end, group_info, proposals, successor })
    }

    /// Signs the head.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if the head cannot be encoded.
    pub fn sign(self, key: &ServerKey) -> Result<GroupState, Refusal> {
        let Self { log, end, group_info, proposals, successor } = self;
        let GroupInfoRow { group_info, tree_hash, tree_leaves, .. } = group_info;
        let head = end.head(&log).sign(key)?;
        Ok(GroupState { group_info, tree_hash, tree_leaves, proposals, successor, head })
    }
}

/// Reads the entry of a user's list of groups. Returns `None` if no client of the caller's user is
/// a member.
///
/// # Errors
/// [`ProblemCode::NotFound`] if there is no such group.
pub fn summary(
    rows: &dyn Snapshot,
    group_id: &GroupId,
    caller: &Caller,
) -> Result<Option<GroupSummary>, Refusal> {
    let group = GroupRow::read(rows)?;
    if !has_member(rows, &caller.user())? {
        return Ok(None);
    }
    let (group_id, is_member) = (group_id.clone(), is_member(rows, &caller.client)?);
    Ok(Some(GroupSummary { group_id, epoch: group.epoch, seq: group.end.seq, is_member }))
}

/// The stored rows of the ratchet tree of an epoch.
#[derive(Debug)]
pub struct TreeRows {
    cipher_suite: CipherSuite,
    rows: Rows,
}

impl TreeRows {
    /// Reads the rows of the tree with this tree hash. Trees of past epochs are kept for joiners
    /// whose Welcome refers to them.
    ///
    /// # Errors
    /// [`ProblemCode::NotFound`] if there is no such tree, or the caller's user has no member.
    pub fn read(rows: &dyn Snapshot, caller: &Caller, tree_hash: &[u8]) -> Result<Self, Refusal> {
        let (group, epoch) = Self::find(rows, caller, tree_hash)?;
        if group.epoch.saturating_sub(epoch) > MAX_PAST_EPOCHS {
            return Err(Refusal::new(ProblemCode::NotFound, "the tree is too old"));
        }
        let cipher_suite = GroupInfoRow::read(rows)?.cipher_suite;
        Ok(Self { cipher_suite, rows: in_epoch(rows, epoch, group.epoch)? })
    }

    /// Returns the row of the group, and an epoch that has the tree with this tree hash.
    ///
    /// # Errors
    /// See [`TreeRows::read`].
    pub(crate) fn find(
        rows: &dyn Snapshot,
        caller: &Caller,
        tree_hash: &[u8],
    ) -> Result<(GroupRow, u64), Refusal> {
        let group = GroupRow::read(rows)?;
        check_joiner(rows, caller)?;
        let epoch = rows.get(&Key::Tree(tree_hash).encode())?;
        let epoch = epoch.ok_or_else(|| Refusal::new(ProblemCode::NotFound, "there is no such tree"))?;
        let epoch = epoch.as_slice().try_into().map(u64::from_be_bytes);
        Ok((group, epoch.map_err(|_| Refusal::corrupt("epoch of a tree"))?))
    }

    /// Returns the contents of the `ratchet_tree` extension. This takes a time in proportion to the
    /// number of members, so callers keep the result by its tree hash.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a row is damaged.
    pub fn export(&self, crypto: &dyn CryptoProvider) -> Result<Vec<u8>, Refusal> {
        let suite = crypto.suite(self.cipher_suite).ok_or_else(|| Refusal::corrupt("cipher suite"))?;
        let rows = self.rows.iter().filter_map(|(key, row)| match key {
            RowKey::Tree(key) => Some((*key, row.expose())),
            _ => None,
        });
        let tree = Tree::restore(suite, rows).and_then(|tree| tree.export());
        tree.map_err(|error| Refusal::internal(&error))
    }
}

/// Refuses a client that may not join the group.
fn check_joiner(rows: &dyn Snapshot, caller: &Caller) -> Result<(), Refusal> {
    if may_join(rows, &caller.user())? { Ok(()) } else { Err(Refusal::new(ProblemCode::NotFound, "")) }
}
