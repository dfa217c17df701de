//! The standalone proposals of an epoch (RFC 9420, sections 12.1 and 12.4).

use crate::rules::proposal_list;
use crate::state::pending_proposal::{Committed, PendingProposal, ProposalStatus};
use crate::{Exceeded, GroupError, Limits, Missing};
use pando_wire::{ProposalOrRef, ProposalRef, Sender};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The proposals of this epoch, in order of arrival.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProposalStore {
    entries: Vec<Entry>,
    /// The positions of the proposals in the list. There may be as many proposals as members, and
    /// one Commit may refer to all of them, so lookups must be fast.
    positions: BTreeMap<ProposalRef, usize>,
    counts: Counts,
}

#[derive(Debug, Clone)]
struct Entry {
    proposal: Arc<PendingProposal>,
    status: ProposalStatus,
}

/// Counters that are bounded by [`Limits`].
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Total size of the rows of admitted proposals.
    bytes: usize,
    /// Total size of the rows of proposals that are not admitted.
    not_admitted_bytes: usize,
    /// Number of proposals with the status [`ProposalStatus::Pending`].
    pending: usize,
    /// Number of proposals from clients that ask to be added.
    of_new_members: usize,
    /// Number of proposals that the group's rules do not admit.
    not_admitted: usize,
}

impl ProposalStore {
    /// Restores the store from stored proposals, each with its status and the size of its row.
    pub(crate) fn restore(
        stored: impl IntoIterator<Item = (PendingProposal, ProposalStatus, usize)>,
    ) -> Self {
        let mut store = Self::default();
        stored.into_iter().for_each(|(proposal, status, bytes)| store.push(proposal, status, bytes));
        store
    }

    /// Adds a proposal and returns its position in the list, or `None` if the store already
    /// contains it. If a withdrawn proposal is added again, it gets the status `status`. `bytes` is
    /// the size of the proposal's row.
    pub(crate) fn insert(
        &mut self,
        proposal: PendingProposal,
        status: ProposalStatus,
        bytes: usize,
        limits: &Limits,
    ) -> Result<Option<u32>, Exceeded> {
        // If signatures are deterministic, creating the same proposal twice results in the same
        // reference.
        if let Some((_, ProposalStatus::Withdrawn, position)) = self.get(&proposal.reference) {
            self.set_status(&proposal.reference, status);
            return Ok(Some(position));
        }
        let position = self.position(&proposal, status, bytes, limits)?;
        if position.is_some() {
            self.push(proposal, status, bytes);
        }
        Ok(position)
    }

    /// Returns the position that a new proposal will get, or `None` if the store already contains
    /// the proposal.
    ///
    /// # Errors
    /// [`Exceeded`] if the limits leave no room for the proposal.
    pub(crate) fn position(
        &self,
        proposal: &PendingProposal,
        status: ProposalStatus,
        bytes: usize,
        limits: &Limits,
    ) -> Result<Option<u32>, Exceeded> {
        if self.positions.contains_key(&proposal.reference) {
            return Ok(None);
        }
        let (position, counts) = (self.entries.len(), &self.counts);
        // Proposals that are not admitted have a separate limit, because any client can create
        // them.
        if status == ProposalStatus::NotAdmitted {
            let count = counts.not_admitted.saturating_add(1);
            limits.check_not_admitted(count, counts.not_admitted_bytes.saturating_add(bytes))?;
        } else {
            let count = position.saturating_sub(counts.not_admitted).saturating_add(1);
            limits.check_pending(count, counts.bytes.saturating_add(bytes))?;
            if proposal.sender == Sender::NewMemberProposal {
                limits.check_new_members(counts.of_new_members.saturating_add(1))?;
            }
        }
        u32::try_from(position).map(Some).map_err(|_| Exceeded::PendingProposals(position))
    }

    fn push(&mut self, proposal: PendingProposal, status: ProposalStatus, bytes: usize) {
        let Counts { bytes: other_bytes, not_admitted_bytes, pending, of_new_members, not_admitted } =
            &mut self.counts;
        let increase = |count: &mut usize, by: usize| *count = count.saturating_add(by);
        let is_admitted = status != ProposalStatus::NotAdmitted;
        increase(if is_admitted { other_bytes } else { not_admitted_bytes }, bytes);
        match status {
            ProposalStatus::Pending => increase(pending, 1),
            ProposalStatus::NotAdmitted => increase(not_admitted, 1),
            ProposalStatus::Unsupported | ProposalStatus::Withdrawn => {}
        }
        if proposal.sender == Sender::NewMemberProposal && is_admitted {
            increase(of_new_members, 1);
        }
        self.positions.insert(proposal.reference.clone(), self.entries.len());
        self.entries.push(Entry { proposal: Arc::new(proposal), status });
    }

    /// Returns all proposals with their statuses.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<PendingProposal>, ProposalStatus)> {
        self.entries.iter().map(|entry| (&entry.proposal, entry.status))
    }

    /// Returns the proposals that our Commits may cover.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &PendingProposal> {
        self.iter().filter(|(_, status)| status.is_pending()).map(|(proposal, _)| &**proposal)
    }

    /// Returns the proposal with the given reference, its status and its position.
    pub(crate) fn get(
        &self,
        reference: &ProposalRef,
    ) -> Option<(&Arc<PendingProposal>, ProposalStatus, u32)> {
        let position = *self.positions.get(reference)?;
        let Entry { proposal, status } = self.entries.get(position)?;
        Some((proposal, *status, u32::try_from(position).ok()?))
    }

    /// Withdraws one of our own proposals.
    pub(crate) fn withdraw(&mut self, reference: &ProposalRef) {
        self.set_status(reference, ProposalStatus::Withdrawn);
    }

    /// Changes the status of one of our own proposals. The group's rules admit all of our own
    /// proposals.
    fn set_status(&mut self, reference: &ProposalRef, status: ProposalStatus) {
        let position = self.positions.get(reference);
        let Some(entry) = position.and_then(|position| self.entries.get_mut(*position)) else { return };
        let others = self.counts.pending.saturating_sub((entry.status == ProposalStatus::Pending).into());
        self.counts.pending = others.saturating_add((status == ProposalStatus::Pending).into());
        entry.status = status;
    }

    /// Returns the positions of all proposals in the list.
    pub(crate) fn positions(&self) -> impl Iterator<Item = u32> + use<> {
        // The conversion cannot fail, because `insert` bounds the number of proposals.
        0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Returns whether a proposal must be committed before application data is sent.
    pub(crate) const fn must_be_committed_first(&self) -> bool {
        self.counts.pending > 0
    }

    /// Returns the pending proposals that a Commit does not cover.
    pub(crate) fn left_out_of(&self, committed: &[Committed]) -> Vec<Arc<PendingProposal>> {
        let covered: BTreeSet<_> =
            committed.iter().filter_map(Committed::by_reference).map(|pending| &pending.reference).collect();
        let pending = self.iter().filter(|(_, status)| status.is_pending());
        let left_out = pending.filter(|(proposal, _)| !covered.contains(&proposal.reference));
        left_out.map(|(proposal, _)| proposal.clone()).collect()
    }

    /// Returns the proposals of a Commit, with references resolved.
    pub(crate) fn resolve(
        &self,
        committer: Sender,
        list: &[ProposalOrRef],
    ) -> Result<Vec<Committed>, GroupError> {
        proposal_list::may_refer(committer, list)?;
        list.iter()
            .map(|entry| match entry {
                ProposalOrRef::Proposal(proposal) => {
                    Ok(Committed::ByValue(committer, Arc::new(proposal.clone())))
                }
                ProposalOrRef::Reference(reference) => self
                    .get(reference)
                    .map(|(proposal, ..)| Committed::ByReference(proposal.clone()))
                    .ok_or_else(|| Missing::Proposal(reference.clone()).into()),
            })
            .collect()
    }
}
