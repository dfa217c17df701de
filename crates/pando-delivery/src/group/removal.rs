//! Removals that the server proposes (docs/protocol.md, section 11).
//!
//! A removal is due from the request until a Commit leaves the client without a leaf. The server
//! proposes each due removal once in each epoch. Until it has done so after a Commit, the removal
//! has no proposal in the log, but Commits that leave it out are refused already.

use super::append::{Appended, EntryRow, Message, Moment, append, find};
use super::caller::Caller;
use super::due_removal::{DueRemoval, MAX_REMOVALS};
use super::environment::Environment;
use super::group_info::GroupInfoRow;
use super::group_row::GroupRow;
use super::handshake::read_certificate;
use super::key::Key;
use super::members::{has_member_besides, present};
use super::public_rows::{self, split};
use crate::error::Refusal;
use crate::store::{Snapshot, Transaction};
use pando_api::{ClientId, EntryKind, LogId, Policy, ProblemCode, RemovalIntent};
use pando_mls::wire::{ExternalSenders, Remove};
use pando_mls::{
    Client, Decode, Delta, Encode, LeafIndex, MlsMessage, MlsMessageBody, Position, Proposal, PublicGroup,
    PublicProcessed, Signer, propose_as_external_sender,
};
use std::collections::BTreeSet;

/// The most removals that one transaction proposes.
const MAX_PROPOSED: usize = 256;

/// The rows that are needed to propose removals.
#[derive(Debug, Clone)]
pub struct RemovalSnapshot {
    log: LogId,
    /// The position of the public group.
    position: Option<Position>,
    group: GroupRow,
    /// The removals without a proposal in this epoch, at most [`MAX_PROPOSED`].
    removals: Vec<(ClientId, LeafIndex)>,
    /// If a certificate is revoked, its version. A client with a higher version is not removed.
    revoked: Option<u64>,
    /// The answer to an earlier request, if the removal has a proposal in this epoch.
    repeated: Option<Appended>,
}

impl RemovalSnapshot {
    /// Reads the rows for all removals that are due. Returns `None` if there are none.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a row is damaged.
    pub fn of_due(rows: &dyn Snapshot, log: &LogId) -> Result<Option<Self>, Refusal> {
        // A creation that has failed may have left a partition without a group.
        let Some(group) = GroupRow::find(rows)? else { return Ok(None) };
        let mut removals = Vec::new();
        if group.successor.is_none() {
            let due = DueRemoval::read_all(rows, &group)?;
            for due in due.into_iter().filter(|due| due.proposal.is_none()).take(MAX_PROPOSED) {
                let membership = present(rows, &due.client)?.ok_or_else(|| Refusal::corrupt("membership"))?;
                removals.push((due.client, membership.leaf));
            }
        }
        if removals.is_empty() {
            return Ok(None);
        }
        let position = public_rows::position(rows)?;
        Ok(Some(Self { log: log.clone(), position, group, removals, revoked: None, repeated: None }))
    }

    /// Reads the rows for a request of a client to remove itself or another client of its user.
    ///
    /// # Errors
    /// - [`ProblemCode::NotFound`] if there is no such group, the client is of another user, or its
    ///   present membership did not begin at `since`.
    /// - [`ProblemCode::GroupEnded`] if the group has a successor.
    /// - [`ProblemCode::Policy`] if the client is the last one of an admin.
    /// - [`ProblemCode::Limit`] if too many removals are due.
    pub fn of_request(
        rows: &dyn Snapshot,
        log: &LogId,
        caller: &Caller,
        request: &RemovalIntent,
    ) -> Result<Self, Refusal> {
        if request.client.user() != caller.user() {
            return Err(Refusal::new(ProblemCode::NotFound, ""));
        }
        let snapshot = Self::of_client(rows, log, &request.client, Some(request.since))?;
        if snapshot.repeated.is_none() && !snapshot.removals.is_empty() {
            check_admins(rows, &snapshot.group, &request.client)?;
        }
        Ok(snapshot)
    }

    /// Reads the rows for the removal of a client whose certificates up to a version are revoked.
    ///
    /// # Errors
    /// [`ProblemCode::NotFound`] if the client is not a member. Otherwise, see
    /// [`RemovalSnapshot::of_request`].
    pub fn of_revoked(
        rows: &dyn Snapshot,
        log: &LogId,
        (client, version): (&ClientId, u64),
    ) -> Result<Self, Refusal> {
        Ok(Self { revoked: Some(version), ..Self::of_client(rows, log, client, None)? })
    }

    fn of_client(
        rows: &dyn Snapshot,
        log: &LogId,
        client: &ClientId,
        since: Option<u64>,
    ) -> Result<Self, Refusal> {
        let not_found = || Refusal::new(ProblemCode::NotFound, "");
        let group = GroupRow::read(rows)?;
        let membership = present(rows, client)?.ok_or_else(not_found)?;
        if since.is_some_and(|since| since != membership.start) {
            return Err(not_found());
        }
        group.check_active(&log.domain)?;
        let due = DueRemoval::read_all(rows, &group)?;
        let known = due.iter().find(|due| due.client == *client);
        if known.is_none() && due.len() >= MAX_REMOVALS {
            return Err(Refusal::new(ProblemCode::Limit, "too many removals are due"));
        }
        let repeated = match known.and_then(|due| due.proposal) {
            Some(seq) => {
                Some(EntryRow::receipt(rows, log, seq)?.ok_or_else(|| Refusal::corrupt("proposal"))?)
            }
            None => None,
        };
        let removals = match repeated {
            Some(_) => Vec::new(),
            None => vec![(client.clone(), membership.leaf)],
        };
        let position = public_rows::position(rows)?;
        Ok(Self { log: log.clone(), position, group, removals, revoked: None, repeated })
    }

    /// Returns the answer to an earlier request.
    #[must_use]
    pub const fn repeated(&self) -> Option<&Appended> {
        self.repeated.as_ref()
    }

    /// Returns the position of the public group.
    pub(crate) const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Returns whether there is nothing to propose.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removals.is_empty()
    }
}

/// Checks that a client of an admin remains a member, if an admin leaves. Other removals that are
/// due count as done.
fn check_admins(rows: &dyn Snapshot, group: &GroupRow, client: &ClientId) -> Result<(), Refusal> {
    let group_info = GroupInfoRow::read(rows)?.group_info;
    let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(&group_info)?.body else {
        return Err(Refusal::corrupt("GroupInfo"));
    };
    let policy = Policy::of(&group_info.group_context.extensions);
    let policy = policy.map_err(|_| Refusal::corrupt("policy"))?;
    if !policy.is_admin(&client.user()) {
        return Ok(());
    }
    let due = DueRemoval::read_all(rows, group)?;
    let gone: BTreeSet<_> = due.iter().map(|due| &due.client).chain([client]).collect();
    for admin in &policy.admins {
        if has_member_besides(rows, admin, &gone)? {
            return Ok(());
        }
    }
    Err(Refusal::new(ProblemCode::Policy, "the last admin cannot leave"))
}

/// Proposals to remove clients, with everything that their transaction writes.
#[derive(Debug)]
pub struct CheckedRemovals {
    log: LogId,
    epoch: u64,
    proposals: Vec<RemovalProposal>,
}

/// Returns the version of the certificate in a leaf.
fn version_of(group: &PublicGroup, leaf: LeafIndex) -> Result<u64, Refusal> {
    let credential = group.public().credential(leaf).map_err(|error| Refusal::internal(&error))?;
    let credential = credential.ok_or_else(|| Refusal::corrupt("membership"))?;
    Ok(read_certificate(&credential)?.version)
}

#[derive(Debug)]
struct RemovalProposal {
    client: ClientId,
    bytes: Vec<u8>,
    delta: Delta,
}

impl CheckedRemovals {
    /// Signs and checks the proposals. `group` is a clone of the public group of the snapshot, as
    /// for [`CheckedProposal`](super::CheckedProposal). `client` has the server's settings, and
    /// `signers` are the keys by which the server proposes removals.
    ///
    /// # Errors
    /// - [`ProblemCode::Internal`] if the server has no key that the group accepts.
    pub fn check(
        snapshot: &RemovalSnapshot,
        group: &mut PublicGroup,
        env: &Environment<'_>,
        (client, signers): (&Client, &[Box<dyn Signer>]),
    ) -> Result<Self, Refusal> {
        let context = group.public().context().clone();
        let senders = context.extensions.find::<ExternalSenders>();
        let senders = senders.map_err(|error| Refusal::internal(&error))?.unwrap_or_default().0;
        let signer = signers.iter().map(AsRef::as_ref).find(|signer: &&dyn Signer| {
            senders.iter().any(|sender| sender.signature_key == *signer.public_key())
        });
        let signer = signer.ok_or_else(|| Refusal::new(ProblemCode::Internal, "no key for this group"))?;
        let cx = client.at(env.seconds(), signer);
        let mut proposals = Vec::with_capacity(snapshot.removals.len());
        for (client, leaf) in &snapshot.removals {
            if let Some(revoked) = snapshot.revoked
                && version_of(group, *leaf)? > revoked
            {
                continue;
            }
            let proposal = Proposal::Remove(Remove { removed: *leaf });
            let message = propose_as_external_sender(&context, proposal, &cx);
            let message = message.map_err(|error| Refusal::internal(&error))?;
            let bytes = message.encode()?;
            let processed = group.process(message, env.identities, env.rules, Some(env.seconds()));
            let (processed, delta) = split(processed.map_err(|error| Refusal::internal(&error))?);
            let PublicProcessed::Proposal(_) = processed else {
                return Err(Refusal::new(ProblemCode::Internal, "the group does not admit a removal"));
            };
            proposals.push(RemovalProposal { client: client.clone(), bytes, delta });
        }
        Ok(Self { log: snapshot.log.clone(), epoch: snapshot.group.epoch, proposals })
    }

    /// Returns the position of the public group after the proposals. Returns `None` if there are no
    /// proposals.
    pub(crate) fn position(&self) -> Option<Position> {
        self.proposals.last().map(|proposal| proposal.delta.becomes())
    }

    /// Returns the number of bytes that the transaction writes, approximately.
    #[must_use]
    pub fn size(&self) -> usize {
        self.proposals.iter().map(|proposal| proposal.bytes.len().saturating_mul(4)).sum()
    }

    /// Writes the proposals, and records that the removals are due. Returns the last entry.
    ///
    /// # Errors
    /// - [`ProblemCode::EpochConflict`] if the group has changed since the snapshot.
    /// - [`ProblemCode::GroupEnded`] if the group has ended.
    pub fn write(&self, rows: &mut dyn Transaction, moment: Moment) -> Result<Option<Appended>, Refusal> {
        let mut group = GroupRow::read(rows)?;
        group.check_active(&self.log.domain)?;
        if group.epoch != self.epoch {
            return Err(Refusal::new(ProblemCode::EpochConflict, ""));
        }
        let mut last = None;
        for RemovalProposal { client, bytes, delta } in &self.proposals {
            // Another server may have proposed the same removal.
            if let Some(appended) = find(rows, &self.log, bytes)? {
                last = Some(appended);
                continue;
            }
            public_rows::apply(rows, delta)?;
            let message = Message { kind: EntryKind::Proposal, epoch: self.epoch, bytes };
            let (appended, end) = append(rows, &self.log, Some(group.end), message, moment)?;
            group.end = end;
            rows.put(&Key::Proposal(end.seq).encode(), &[])?;
            rows.put(&Key::Removal(client).encode(), &end.seq.to_be_bytes())?;
            last = Some(appended);
        }
        group.write(rows)?;
        Ok(last)
    }
}
