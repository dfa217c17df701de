//! Commits (docs/protocol.md, sections 10 and 11).
//!
//! [`CheckedCommit::check`] verifies a Commit with the rows of a snapshot. [`CheckedCommit::write`]
//! writes the Commit, the new public state, the GroupInfo, the Welcomes and the memberships in one
//! transaction, unless another Commit has won the epoch in the meantime.

use super::append::{Appended, Message, Moment, append, find};
use super::caller::Caller;
use super::environment::Environment;
use super::group_row::GroupRow;
use super::handshake::{GroupSnapshot, Handshake, MAX_REMOVALS, read_certificate, winner};
use super::key::{Key, proposals};
use super::members;
use super::public_rows;
use super::welcome::Joiners;
use crate::error::Refusal;
use crate::store::Transaction;
use pando_api::{ClientId, EntryKind, LogId, Policy, ProblemCode};
use pando_mls::{
    Decode, Delta, GroupError, LeafChange, MlsMessage, MlsMessageBody, Proposal, PublicGroup,
    PublicProcessed, PublicStaged, ReInit, Sender, Unpersisted,
};
use std::collections::BTreeSet;

/// A Commit that was checked, with everything that its transaction writes.
#[derive(Debug)]
pub struct CheckedCommit {
    log: LogId,
    epoch: u64,
    bytes: Vec<u8>,
    delta: Delta,
    group_info: Vec<u8>,
    tree_hash: Vec<u8>,
    past_epochs: u16,
    removed: Vec<ClientId>,
    added: Vec<ClientId>,
    joiners: Option<Joiners>,
    reinit: Option<ReInit>,
}

impl CheckedCommit {
    /// Checks a Commit of `caller`. `group` is a clone of the public group of the snapshot. If this
    /// function returns a Commit, the clone is in the new epoch. The clone takes the place of the
    /// group after the transaction has succeeded, and is dropped after any error.
    ///
    /// # Errors
    /// A [`Refusal`] with the code of the first rule that the Commit violates.
    pub fn check(
        handshake: Handshake,
        snapshot: &GroupSnapshot,
        group: &mut PublicGroup,
        (env, caller): (&Environment<'_>, &Caller),
        (welcome, group_info): (&[u8], &[u8]),
    ) -> Result<Self, Refusal> {
        if !handshake.is_commit() {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a Commit"));
        }
        snapshot.check(group.public(), (env, caller), &handshake)?;

        let invalid = |error: GroupError| Refusal::of(&error, ProblemCode::InvalidCommit);
        let processed = group.process(handshake.message, env.identities, env.rules, Some(env.seconds()));
        let (processed, before) = parts(processed.map_err(invalid)?);
        let PublicProcessed::Commit(staged) = processed else {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a Commit"));
        };
        let (removed, added) = check_leaves(env, &staged)?;
        check_removals(snapshot, &staged, &removed)?;
        let joiners = Joiners::of(group.public().suite(), &staged, welcome)?;
        let tree_hash = staged.public().context().tree_hash.to_vec();
        let past_epochs = past_epochs(&staged)?;

        let delta = before.then(merge(group, &staged, group_info)?);
        let delta = delta.map_err(|(error, _)| Refusal::internal(&error))?;
        Ok(Self {
            log: snapshot.log.clone(),
            epoch: handshake.content.epoch,
            bytes: handshake.bytes,
            delta,
            group_info: group_info.to_vec(),
            tree_hash,
            past_epochs,
            removed,
            added,
            joiners,
            reinit: group.reinit().cloned(),
        })
    }

    /// Returns the number of bytes that the transaction writes, approximately.
    #[must_use]
    pub fn size(&self) -> usize {
        let rows = self.delta.writes().map(|(_, value)| value.len().saturating_mul(2));
        let joiners = self.joiners.as_ref().map_or(0, Joiners::size);
        [self.bytes.len(), self.group_info.len(), joiners]
            .into_iter()
            .chain(rows)
            .fold(0, usize::saturating_add)
    }

    /// Writes the Commit and everything that follows from it. If the log has the Commit already,
    /// writes nothing and returns the entry that the log has.
    ///
    /// # Errors
    /// - [`ProblemCode::EpochConflict`] with the winner if another Commit has won the epoch.
    /// - [`ProblemCode::GroupEnded`] if the group has ended.
    pub fn write(&self, rows: &mut dyn Transaction, moment: Moment) -> Result<Appended, Refusal> {
        let mut row = GroupRow::read(rows)?;
        if let Some(appended) = find(rows, &self.log, &self.bytes)? {
            return Ok(appended);
        }
        row.check_active(&self.log.domain)?;
        row.check_epoch(self.epoch, true, winner(rows, &row, self.epoch)?.as_ref())?;
        public_rows::apply(rows, &self.delta, Some(self.epoch))?;
        let message = Message { kind: EntryKind::Commit, epoch: self.epoch, bytes: &self.bytes };
        let (appended, end) = append(rows, &self.log, Some(row.end), message, moment)?;
        let seq = end.seq;
        row.end = end;
        row.epoch = self.epoch.checked_add(1).ok_or_else(|| Refusal::corrupt("epoch"))?;
        row.epoch_seq = seq;
        row.past_epochs = self.past_epochs;
        row.successor = self.reinit.as_ref().map(|reinit| reinit.group_id.clone());
        row.write(rows)?;
        rows.put(&Key::Tree(&self.tree_hash).encode(), &row.epoch.to_be_bytes())?;
        rows.put(&Key::GroupInfo.encode(), &self.group_info)?;
        // The proposals of the epoch end with the epoch. There are few, because their number is
        // limited.
        while rows.delete_range(&proposals(), MAX_REMOVALS)? {}
        for client in &self.removed {
            members::end(rows, client, seq)?;
            rows.delete(&Key::Removal(client).encode())?;
        }
        for client in &self.added {
            members::begin(rows, client, seq)?;
        }
        if let Some(joiners) = &self.joiners {
            joiners.write(rows, seq, &self.tree_hash)?;
        }
        // Removals that an external Commit could not contain are proposed again in the new epoch,
        // and Welcomes are relayed to their inboxes.
        rows.set_due(Some(moment.now))?;
        Ok(appended)
    }
}

/// Takes the result of an operation apart. The transaction that appends the message stores the
/// Delta; if the transaction fails, the group in memory is dropped.
#[allow(clippy::disallowed_methods, reason = "the Delta is stored together with the message")]
fn parts<T>(unpersisted: Unpersisted<T>) -> (T, Delta) {
    unpersisted.into_parts()
}

/// Enters the new epoch, which the GroupInfo must confirm. A Commit with a ReInit has no GroupInfo,
/// because its epoch cannot be joined.
fn merge(group: &mut PublicGroup, staged: &PublicStaged, group_info: &[u8]) -> Result<Delta, Refusal> {
    let invalid = |error: GroupError| Refusal::of(&error, ProblemCode::InvalidGroupInfo);
    let ends = staged.proposals().any(|(_, proposal)| matches!(proposal, Proposal::ReInit(_)));
    if ends && group_info.is_empty() {
        return Ok(parts(group.merge_unconfirmed(staged).map_err(invalid)?).1);
    }
    let message = MlsMessage::decode(group_info)?;
    let MlsMessageBody::GroupInfo(group_info) = message.body else {
        return Err(Refusal::new(ProblemCode::InvalidGroupInfo, "not a GroupInfo"));
    };
    Ok(parts(group.merge(staged, &group_info).map_err(invalid)?).1)
}

/// Checks the certificates of new and changed leaves. Returns the clients that the Commit removes
/// and adds.
fn check_leaves(
    env: &Environment<'_>,
    staged: &PublicStaged,
) -> Result<(Vec<ClientId>, Vec<ClientId>), Refusal> {
    let invalid = |error: GroupError| Refusal::of(&error, ProblemCode::InvalidCommit);
    let expired = staged.leaves_invalid_at(env.seconds(), env.identities).map_err(invalid)?;
    if let Some((leaf, violation)) = expired.first() {
        let detail = format!("leaf {}: {violation}", leaf.0);
        return Err(Refusal::new(ProblemCode::CertificateInvalid, detail));
    }
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for change in staged.leaf_changes().map_err(invalid)? {
        match change {
            LeafChange::Removed { old, .. } => removed.push(read_certificate(&old.credential)?.client),
            LeafChange::Updated { new, .. } => env.admission.check(&read_certificate(&new.credential)?)?,
            LeafChange::Added { new, .. } => {
                let certificate = read_certificate(&new.credential)?;
                env.admission.check(&certificate)?;
                added.push(certificate.client);
            }
        }
    }
    Ok((removed, added))
}

/// Checks that a member's Commit removes all clients whose removal is due. An external Commit
/// cannot contain proposals of other senders.
fn check_removals(
    snapshot: &GroupSnapshot,
    staged: &PublicStaged,
    removed: &[ClientId],
) -> Result<(), Refusal> {
    if staged.committer() == Sender::NewMemberCommit {
        return Ok(());
    }
    let removed: BTreeSet<_> = removed.iter().collect();
    let left_out = snapshot.due().iter().filter(|(client, _)| !removed.contains(client));
    let mut left_out = left_out.map(|(_, seq)| *seq).peekable();
    if left_out.peek().is_none() {
        return Ok(());
    }
    let proposals = left_out.filter(|seq| *seq != 0).collect();
    Err(Refusal::new(ProblemCode::PendingRemoval, "").with(|problem| problem.proposals = proposals))
}

/// Returns the number of past epochs whose messages the policy of the new epoch accepts.
fn past_epochs(staged: &PublicStaged) -> Result<u16, Refusal> {
    let policy = Policy::of(&staged.public().context().extensions)
        .map_err(|error| Refusal::new(ProblemCode::Policy, error.to_string()))?;
    Ok(policy.parameters.past_epochs)
}
