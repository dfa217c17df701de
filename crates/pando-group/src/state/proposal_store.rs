//! The proposals of an epoch that are not committed yet (RFC 9420, sections 12.1 and 12.4).

use crate::rules::proposal_list;
use crate::state::pending_proposal::{Committed, PendingProposal};
use crate::{Exceeded, GroupError, Limits, Missing};
use pando_wire::{ProposalOrRef, ProposalRef, Sender};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The proposals of this epoch, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProposalStore {
    proposals: Vec<Arc<PendingProposal>>,
    /// Where they are in the list: there may be as many as there are members, all committed at once.
    positions: BTreeMap<ProposalRef, usize>,
    /// How much is stored of them.
    bytes: usize,
    /// How many are of clients who ask to be added.
    of_new_members: usize,
}

impl ProposalStore {
    /// Those that were stored, with the sizes of their rows.
    pub(crate) fn restore(stored: impl IntoIterator<Item = (PendingProposal, usize)>) -> Self {
        let mut store = Self::default();
        stored.into_iter().for_each(|(proposal, bytes)| store.push(proposal, bytes));
        store
    }

    /// Keeps a proposal, and tells where it is in the list unless it was there already. `bytes` is the size of its row.
    pub(crate) fn insert(
        &mut self,
        proposal: PendingProposal,
        bytes: usize,
        limits: &Limits,
    ) -> Result<Option<u32>, Exceeded> {
        let position = self.position(&proposal, bytes, limits)?;
        if position.is_some() {
            self.push(proposal, bytes);
        }
        Ok(position)
    }

    /// Where a proposal will be in the list, if there is room; `None` if it is there already.
    pub(crate) fn position(
        &self,
        proposal: &PendingProposal,
        bytes: usize,
        limits: &Limits,
    ) -> Result<Option<u32>, Exceeded> {
        if self.positions.contains_key(&proposal.reference) {
            return Ok(None);
        }
        let position = self.proposals.len();
        limits.check_pending(position.saturating_add(1), self.bytes.saturating_add(bytes))?;
        if proposal.sender == Sender::NewMemberProposal {
            limits.check_new_members(self.of_new_members.saturating_add(1))?;
        }
        u32::try_from(position).map(Some).map_err(|_| Exceeded::PendingProposals(position))
    }

    fn push(&mut self, proposal: PendingProposal, bytes: usize) {
        if proposal.sender == Sender::NewMemberProposal {
            self.of_new_members = self.of_new_members.saturating_add(1);
        }
        self.positions.insert(proposal.reference.clone(), self.proposals.len());
        self.proposals.push(Arc::new(proposal));
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PendingProposal> {
        self.proposals.iter().map(|pending| &**pending)
    }

    /// The positions in the list.
    pub(crate) fn positions(&self) -> impl Iterator<Item = u32> + use<> {
        // As many as could be inserted.
        0..u32::try_from(self.proposals.len()).unwrap_or(u32::MAX)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.proposals.is_empty()
    }

    /// What a Commit refers to.
    pub(crate) fn refer(&self, reference: &ProposalRef) -> Option<Committed> {
        let position = self.positions.get(reference)?;
        self.proposals.get(*position).cloned().map(Committed::ByReference)
    }

    /// The proposals of a Commit, those that it refers to looked up.
    pub(crate) fn resolve(
        &self,
        committer: Sender,
        list: &[ProposalOrRef],
    ) -> Result<Vec<Committed>, GroupError> {
        proposal_list::may_refer(committer, list)?;
        list.iter()
            .map(|entry| match entry {
                ProposalOrRef::Proposal(proposal) => Ok(Committed::ByValue(committer, proposal.clone())),
                ProposalOrRef::Reference(reference) => {
                    self.refer(reference).ok_or_else(|| Missing::Proposal(reference.clone()).into())
                }
            })
            .collect()
    }
}
