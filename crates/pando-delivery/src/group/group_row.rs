//! The row that decides about a group: its epoch, and the end of its log.

use super::append::Position;
use super::key::Key;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Snapshot, Transaction};
use pando_api::{Domain, ProblemCode, Winner};
use pando_mls::GroupId;
use std::cmp::Ordering;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The current state of a group's log. Each message rewrites this row.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct GroupRow {
    /// The last entry of the log.
    pub(crate) end: Position,
    /// The current epoch.
    pub(crate) epoch: u64,
    /// The sequence number of the entry that began the epoch.
    pub(crate) epoch_seq: u64,
    /// The number of past epochs whose application messages are accepted.
    pub(crate) past_epochs: u16,
    /// The successor, if the group was reinitialized or reset.
    pub(crate) successor: Option<GroupId>,
}

impl GroupRow {
    /// Reads the row of a group.
    ///
    /// # Errors
    /// [`ProblemCode::NotFound`] if there is no such group.
    pub(crate) fn read(rows: &dyn Snapshot) -> Result<Self, Refusal> {
        Self::find(rows)?.ok_or_else(|| Refusal::new(ProblemCode::NotFound, ""))
    }

    /// Reads the row of a group, if there is such a group.
    pub(crate) fn find(rows: &dyn Snapshot) -> Result<Option<Self>, Refusal> {
        let row = rows.get(&Key::Group.encode())?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Writes the row.
    pub(crate) fn write(&self, rows: &mut dyn Transaction) -> Result<(), Refusal> {
        Ok(rows.put(&Key::Group.encode(), &encode(self)?)?)
    }

    /// Checks that the group is in the epoch of a handshake. `winner` is the Commit that ended the
    /// epoch of the handshake, if it is known.
    ///
    /// # Errors
    /// - [`ProblemCode::EpochConflict`] with the winner for a Commit of an earlier epoch.
    /// - [`ProblemCode::StaleEpoch`] for a proposal of an earlier epoch.
    /// - [`ProblemCode::FutureEpoch`] if the group has not reached the epoch.
    pub(crate) fn check_epoch(
        &self,
        epoch: u64,
        is_commit: bool,
        winner: Option<&Winner>,
    ) -> Result<(), Refusal> {
        let code = match epoch.cmp(&self.epoch) {
            Ordering::Equal => return Ok(()),
            Ordering::Greater => ProblemCode::FutureEpoch,
            Ordering::Less if is_commit => ProblemCode::EpochConflict,
            Ordering::Less => ProblemCode::StaleEpoch,
        };
        let winner = winner.filter(|_| code == ProblemCode::EpochConflict).cloned();
        Err(Refusal::new(code, "").with(|problem| {
            problem.epoch = Some(self.epoch);
            problem.winner = winner;
        }))
    }

    /// Refuses everything after a group has ended.
    pub(crate) fn check_active(&self, domain: &Domain) -> Result<(), Refusal> {
        match &self.successor {
            None => Ok(()),
            Some(successor) => Err(Refusal::ended(domain, successor)),
        }
    }
}
