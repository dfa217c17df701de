//! Commits (docs/protocol.md, sections 10 and 11).
//!
//! [`CheckedCommit::check`] verifies a Commit with the rows of a snapshot. [`LargeWrite::write`]
//! writes the Commit, the new public state, the GroupInfo, the Welcomes and the memberships, unless
//! another Commit has won the epoch in the meantime. If these are too many rows for one
//! transaction, [`LargeWrite::parts`] divides them.

use super::append::{Appended, Message, Moment, append, find};
use super::caller::Caller;
use super::due_removal::MAX_REMOVALS;
use super::environment::Environment;
use super::group_info::GroupInfoRow;
use super::group_row::GroupRow;
use super::handshake::{GroupSnapshot, Handshake, read_certificate, winner};
use super::key::{Key, proposals};
use super::parts::{AddedClient, Change, LargeWrite, PART_BYTES, Parts, Place, PublicChange};
use super::proposal::{check_lifetime, policy};
use super::public_rows::{self, split};
use super::relay::{ChangeKind, MembershipChange, Relay};
use super::reservation::GROUP_ID_LENGTHS;
use super::welcome::Joiners;
use crate::error::Refusal;
use crate::store::{Snapshot, Transaction};
use pando_api::{ClientId, DeviceCertificate, EntryKind, LogId, Policy, ProblemCode};
use pando_mls::wire::{RatchetTree, ResumptionPskUsage};
use pando_mls::{
    Decode, Delta, GroupError, GroupId, LeafChange, LeafIndex, MlsMessage, MlsMessageBody, Position,
    Proposal, Psk, PublicGroup, PublicProcessed, PublicStaged, ReInit, Sender,
};
use std::collections::{BTreeMap, BTreeSet};

/// A Commit that was checked, with everything that its transaction writes.
#[derive(Debug)]
pub struct CheckedCommit {
    log: LogId,
    epoch: u64,
    bytes: Vec<u8>,
    delta: Delta,
    group_info: GroupInfoRow,
    past_epochs: u16,
    leaves: Leaves,
    joiners: Option<Joiners>,
    reinit: Option<ReInit>,
    origin: Option<GroupId>,
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

        let policy = policy(group)?;
        let invalid = |error: GroupError| Refusal::of(&error, ProblemCode::InvalidCommit);
        let processed = group.process(handshake.message, env.identities, env.rules, Some(env.seconds()));
        let (processed, before) = split(processed.map_err(invalid)?);
        let PublicProcessed::Commit(staged) = processed else {
            return Err(Refusal::new(ProblemCode::InvalidMessage, "not a Commit"));
        };
        check_reinit(snapshot, &staged)?;
        staged.proposals().try_for_each(|(_, proposal)| check_lifetime(&policy, proposal))?;
        let leaves = check_leaves(env, &staged)?;
        check_removals(snapshot, &staged, &leaves)?;
        let joiners = Joiners::of(group.public().suite(), &staged, welcome)?;
        let past_epochs = past_epochs(&staged)?;

        let delta = before.then(merge(group, &staged, group_info)?);
        let delta = delta.map_err(|(error, _)| Refusal::internal(&error))?;
        Ok(Self {
            log: snapshot.log.clone(),
            epoch: handshake.content.epoch,
            bytes: handshake.bytes,
            delta,
            group_info: GroupInfoRow::new(group.public(), group_info),
            past_epochs,
            leaves,
            joiners,
            reinit: group.reinit().cloned(),
            origin: staged.proposals().find_map(|(_, proposal)| origin(proposal)).cloned(),
        })
    }

    /// Returns the identifier of the successor, if the Commit ends the group.
    pub(crate) fn successor(&self) -> Option<&GroupId> {
        self.reinit.as_ref().map(|reinit| &reinit.group_id)
    }

    /// Returns the group that the Commit names as the origin of its own group, by a pre-shared key
    /// of the usage `reinit`.
    pub(crate) fn reinitializes(&self) -> Option<&GroupId> {
        self.origin.as_ref()
    }

    /// Returns the bytes of the Commit.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the position of the public group after the message.
    pub(crate) const fn position(&self) -> Position {
        self.delta.becomes()
    }

    /// Returns the certificates of the leaves that the Commit adds or changes.
    #[must_use]
    pub fn certificates(&self) -> &[DeviceCertificate] {
        &self.leaves.certificates
    }

    /// Returns the changes whose number grows with the Commit. A client that is removed and added
    /// again is removed first.
    fn changes(&self) -> impl Iterator<Item = Change> {
        let Leaves { removed, added, .. } = &self.leaves;
        let public = public_rows::changes(&self.delta);
        let public = public.map(|(key, value)| Change::Public(PublicChange::new(key, value)));
        let removed = removed.iter().map(|client| {
            if added.contains_key(client) {
                Change::Replaced(client.clone())
            } else {
                Change::Removed(client.clone())
            }
        });
        let added = added.iter().map(|(client, leaf)| {
            let secrets = self.joiners.as_ref().and_then(|joiners| joiners.secrets(client)).cloned();
            Change::Added(AddedClient { client: client.clone(), leaf: leaf.0, secrets })
        });
        public.chain(removed).chain(added)
    }

    /// Returns the changes of membership.
    fn memberships(&self) -> Vec<MembershipChange> {
        let Leaves { removed, added, .. } = &self.leaves;
        let removed = removed.iter().filter(|client| !added.contains_key(*client));
        let removed = removed.map(|client| (client, ChangeKind::Removed));
        let added = added.keys().map(|client| {
            let is_invited = self.joiners.as_ref().is_some_and(|joiners| joiners.secrets(client).is_some());
            (client, if is_invited { ChangeKind::Invited } else { ChangeKind::Joined })
        });
        let changes = removed.chain(added);
        changes.map(|(client, kind)| MembershipChange { client: client.clone(), kind }).collect()
    }
}

impl LargeWrite for CheckedCommit {
    fn parts(&self, at_once: usize) -> Result<Option<Parts>, Refusal> {
        let Leaves { removed, added, .. } = &self.leaves;
        let public = public_rows::changes(&self.delta).count();
        let changes = public.saturating_add(removed.len()).saturating_add(added.len());
        if changes <= at_once && self.size(false) <= PART_BYTES {
            return Ok(None);
        }
        Parts::of(self.changes(), at_once)
    }

    /// # Errors
    /// - [`ProblemCode::EpochConflict`] with the winner if another Commit has won the epoch.
    /// - [`ProblemCode::GroupEnded`] if the group has ended.
    fn admit(&self, rows: &dyn Snapshot) -> Result<(), Refusal> {
        let row = GroupRow::read(rows)?;
        row.check_active(&self.log.domain)?;
        row.check_epoch(self.epoch, true, winner(rows, &row, self.epoch)?.as_ref())?;
        public_rows::check(rows, &self.delta)
    }

    fn write(
        &self,
        rows: &mut dyn Transaction,
        moment: Moment,
        parts: Option<&Parts>,
    ) -> Result<Appended, Refusal> {
        if let Some(appended) = find(rows, &self.log, &self.bytes)? {
            return Ok(appended);
        }
        self.admit(rows)?;
        let mut row = GroupRow::read(rows)?;
        let message = Message { kind: EntryKind::Commit, epoch: self.epoch, bytes: &self.bytes };
        let (appended, end) = append(rows, &self.log, Some(row.end), message, moment)?;
        let seq = end.seq;
        row.end = end;
        row.epoch = self.epoch.checked_add(1).ok_or_else(|| Refusal::corrupt("epoch"))?;
        row.epoch_seq = seq;
        row.past_epochs = self.past_epochs;
        row.successor = self.reinit.as_ref().map(|reinit| reinit.group_id.clone());
        row.write(rows)?;
        // Not every Commit changes the tree, so this may be the only row of the epoch.
        rows.put(&Key::Past(self.epoch).encode(), &seq.to_be_bytes())?;
        self.group_info.write(rows, row.epoch)?;
        // The proposals of the epoch end with the epoch. There are few, because their number is
        // limited.
        while rows.delete_range(&proposals(), MAX_REMOVALS)? {}
        if let Some(joiners) = &self.joiners {
            joiners.write_shared(rows, seq, &self.group_info.tree_hash)?;
        }
        let place = Place { epoch: self.epoch, seq };
        match parts {
            Some(parts) => parts.begin(rows, place)?,
            None => self.changes().try_for_each(|change| change.apply(rows, place))?,
        }
        Relay { seq, time: end.time, changes: self.memberships() }.write(rows)?;
        // Removals that are still due are proposed again in the new epoch, and changes of
        // membership are copied to the accounts.
        rows.set_due(Some(0))?;
        Ok(appended)
    }

    fn size(&self, has_parts: bool) -> usize {
        let joiners = self.joiners.as_ref();
        let changes = if has_parts {
            0
        } else {
            let rows = self.delta.writes().map(|(_, value)| value.len().saturating_mul(2));
            rows.chain(joiners.map(Joiners::size)).fold(0, usize::saturating_add)
        };
        let Leaves { removed, added, .. } = &self.leaves;
        let memberships = removed.len().saturating_add(added.len()).saturating_mul(50);
        let shared = joiners.map_or(0, Joiners::shared_size);
        [self.bytes.len(), self.group_info.group_info.len(), shared, memberships, changes]
            .into_iter()
            .fold(0, usize::saturating_add)
    }
}

/// The leaves that a Commit changes.
#[derive(Debug, Default)]
struct Leaves {
    removed: BTreeSet<ClientId>,
    added: BTreeMap<ClientId, LeafIndex>,
    /// The certificates of added and changed leaves.
    certificates: Vec<DeviceCertificate>,
}

/// Enters the new epoch, which the GroupInfo must confirm. A Commit with a ReInit has no GroupInfo,
/// because its epoch cannot be joined.
fn merge(group: &mut PublicGroup, staged: &PublicStaged, group_info: &[u8]) -> Result<Delta, Refusal> {
    let invalid = |error: GroupError| Refusal::of(&error, ProblemCode::InvalidGroupInfo);
    let ends = staged.proposals().any(|(_, proposal)| matches!(proposal, Proposal::ReInit(_)));
    if ends && group_info.is_empty() {
        return Ok(split(group.merge_unconfirmed(staged).map_err(invalid)?).1);
    }
    let message = MlsMessage::decode(group_info)?;
    let MlsMessageBody::GroupInfo(group_info) = message.body else {
        return Err(Refusal::new(ProblemCode::InvalidGroupInfo, "not a GroupInfo"));
    };
    // The server has the tree. A wrong one in the GroupInfo would keep others from joining.
    if group_info.extensions.find::<RatchetTree>().map_or(true, |tree| tree.is_some()) {
        return Err(Refusal::new(ProblemCode::InvalidGroupInfo, "the GroupInfo contains a ratchet tree"));
    }
    Ok(split(group.merge(staged, &group_info).map_err(invalid)?).1)
}

/// Checks that a group can be created with the identifier of a successor.
fn check_reinit(snapshot: &GroupSnapshot, staged: &PublicStaged) -> Result<(), Refusal> {
    for (_, proposal) in staged.proposals() {
        let Proposal::ReInit(reinit) = proposal else { continue };
        if !GROUP_ID_LENGTHS.contains(&reinit.group_id.len()) || reinit.group_id == snapshot.log.group_id {
            let why = "the identifier of the successor is not that of another group";
            return Err(Refusal::new(ProblemCode::InvalidCommit, why));
        }
    }
    Ok(())
}

/// Checks the certificates of new and changed leaves. Returns the leaves that the Commit changes.
fn check_leaves(env: &Environment<'_>, staged: &PublicStaged) -> Result<Leaves, Refusal> {
    let invalid = |error: GroupError| Refusal::of(&error, ProblemCode::InvalidCommit);
    let expired = staged.leaves_invalid_at(env.seconds(), env.identities).map_err(invalid)?;
    if let Some((leaf, violation)) = expired.first() {
        let detail = format!("leaf {}: {violation}", leaf.0);
        return Err(Refusal::new(ProblemCode::CertificateInvalid, detail));
    }
    let mut leaves = Leaves::default();
    for change in staged.leaf_changes().map_err(invalid)? {
        let certificate = match change {
            LeafChange::Removed { old, .. } => {
                leaves.removed.insert(read_certificate(&old.credential)?.client);
                continue;
            }
            LeafChange::Updated { new, .. } => read_certificate(&new.credential)?,
            LeafChange::Added { leaf, new } => {
                let certificate = read_certificate(&new.credential)?;
                leaves.added.insert(certificate.client.clone(), leaf);
                certificate
            }
        };
        env.admission.check(&certificate)?;
        leaves.certificates.push(certificate);
    }
    Ok(leaves)
}

/// Checks that a member's Commit removes all clients whose removal is due, and that an external
/// Commit is not of such a client. An external Commit cannot contain proposals of other senders.
fn check_removals(snapshot: &GroupSnapshot, staged: &PublicStaged, leaves: &Leaves) -> Result<(), Refusal> {
    let is_external = staged.committer() == Sender::NewMemberCommit;
    let mut proposals = Vec::new();
    let mut is_refused = false;
    for due in snapshot.due() {
        let is_violated = if is_external {
            leaves.added.contains_key(&due.client)
        } else {
            !leaves.removed.contains(&due.client)
        };
        if is_violated {
            is_refused = true;
            proposals.extend(due.proposal);
        }
    }
    if !is_refused {
        return Ok(());
    }
    Err(Refusal::new(ProblemCode::PendingRemoval, "").with(|problem| problem.proposals = proposals))
}

/// Returns the group that a proposal names as one that was reinitialized.
const fn origin(proposal: &Proposal) -> Option<&GroupId> {
    match proposal {
        Proposal::PreSharedKey(proposal) => match &proposal.psk.psk {
            Psk::Resumption { usage: ResumptionPskUsage::ReInit, psk_group_id, .. } => Some(psk_group_id),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the number of past epochs whose messages the policy of the new epoch accepts.
fn past_epochs(staged: &PublicStaged) -> Result<u16, Refusal> {
    let policy = Policy::of(&staged.public().context().extensions)
        .map_err(|error| Refusal::new(ProblemCode::Policy, error.to_string()))?;
    Ok(policy.parameters.past_epochs)
}
