//! Proposals (docs/protocol.md, section 10).

use super::append::{Appended, Message, Moment, append, find};
use super::caller::Caller;
use super::environment::Environment;
use super::group_row::GroupRow;
use super::handshake::{GroupSnapshot, Handshake};
use super::key::Key;
use super::public_rows;
use crate::error::Refusal;
use crate::store::Transaction;
use pando_api::{EntryKind, LogId, ProblemCode};
use pando_mls::{Delta, PublicGroup, PublicProcessed};

/// A proposal that was checked, with everything that its transaction writes.
#[derive(Debug)]
pub struct CheckedProposal {
    log: LogId,
    epoch: u64,
    bytes: Vec<u8>,
    delta: Delta,
}

impl CheckedProposal {
    /// Checks a proposal of `caller`. `group` is a clone of the public group of the snapshot. If
    /// this function returns a proposal, the clone has the proposal. The clone takes the place of
    /// the group after the transaction has succeeded, and is dropped after any error.
    ///
    /// # Errors
    /// A [`Refusal`] with the code of the first rule that the proposal violates.
    pub fn check(
        handshake: Handshake,
        snapshot: &GroupSnapshot,
        group: &mut PublicGroup,
        (env, caller): (&Environment<'_>, &Caller),
    ) -> Result<Self, Refusal> {
        if handshake.is_commit() {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a proposal"));
        }
        snapshot.check(group.public(), (env, caller), &handshake)?;
        let processed = group.process(handshake.message, env.identities, env.rules, Some(env.seconds()));
        let processed = processed.map_err(|error| Refusal::of(&error, ProblemCode::InvalidProposal))?;
        #[allow(clippy::disallowed_methods, reason = "the Delta is stored together with the message")]
        let (processed, delta) = processed.into_parts();
        match processed {
            PublicProcessed::Proposal(_) => {}
            PublicProcessed::NotAdmitted(_, reason) => return Err(Refusal::new(ProblemCode::Policy, reason)),
            PublicProcessed::Commit(_) => {
                return Err(Refusal::new(ProblemCode::InvalidMessage, "not a proposal"));
            }
        }
        let (log, epoch) = (snapshot.log.clone(), handshake.content.epoch);
        Ok(Self { log, epoch, bytes: handshake.bytes, delta })
    }

    /// Writes the proposal. If the log has the proposal already, writes nothing and returns the
    /// entry that the log has.
    ///
    /// # Errors
    /// - [`ProblemCode::StaleEpoch`] if a Commit has ended the epoch in the meantime.
    /// - [`ProblemCode::GroupEnded`] if the group has ended.
    pub fn write(&self, rows: &mut dyn Transaction, moment: Moment) -> Result<Appended, Refusal> {
        let mut row = GroupRow::read(rows)?;
        if let Some(appended) = find(rows, &self.log, &self.bytes)? {
            return Ok(appended);
        }
        row.check_active(&self.log.domain)?;
        row.check_epoch(self.epoch, false, None)?;
        public_rows::apply(rows, &self.delta, None)?;
        let message = Message { kind: EntryKind::Proposal, epoch: self.epoch, bytes: &self.bytes };
        let (appended, end) = append(rows, &self.log, Some(row.end), message, moment)?;
        row.end = end;
        row.write(rows)?;
        rows.put(&Key::Proposal(end.seq).encode(), &[])?;
        Ok(appended)
    }
}
