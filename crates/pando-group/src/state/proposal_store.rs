//! Proposals that were sent and not committed yet, and those that a Commit covers (RFC 9420, sections 12.1 and
//! 12.4).

use crate::rules::proposal_list;
use crate::{Exceeded, GroupError, Limits, Missing};
use pando_wire::{Opaque, Proposal, ProposalOrRef, ProposalRef, Sender};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A proposal that was sent in this epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingProposal {
    /// What a Commit refers to it by.
    pub reference: ProposalRef,
    /// Who sent it.
    pub sender: Sender,
    /// What it proposes.
    pub proposal: Proposal,
    /// What was authenticated with it, and not encrypted.
    pub authenticated_data: Opaque,
}

/// A proposal that a Commit covers.
#[derive(Debug, Clone)]
pub(crate) enum Committed {
    /// In the Commit itself, by whoever made that.
    ByValue(Sender, Proposal),
    /// The Commit refers to it, perhaps more than once: it is there once.
    ByReference(Arc<PendingProposal>),
}

impl Committed {
    pub(crate) fn sender(&self) -> Sender {
        match self {
            Self::ByValue(sender, _) => *sender,
            Self::ByReference(pending) => pending.sender,
        }
    }

    pub(crate) fn proposal(&self) -> &Proposal {
        match self {
            Self::ByValue(_, proposal) => proposal,
            Self::ByReference(pending) => &pending.proposal,
        }
    }

    /// What is in the Commit itself.
    pub(crate) const fn by_value(&self) -> Option<&Proposal> {
        match self {
            Self::ByValue(_, proposal) => Some(proposal),
            Self::ByReference(_) => None,
        }
    }
}

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
