//! Proposals that were sent and not committed yet, and those that a Commit covers (RFC 9420, sections 12.1 and
//! 12.4).

use crate::{Exceeded, GroupError, Missing};
use pando_wire::{Opaque, Proposal, ProposalOrRef, ProposalRef, Sender};
use std::collections::BTreeMap;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) sender: Sender,
    pub(crate) proposal: Proposal,
    /// There if the Commit refers to it.
    pub(crate) reference: Option<ProposalRef>,
}

/// The proposals of this epoch, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProposalStore {
    proposals: Vec<PendingProposal>,
    /// Where they are in the list: there may be as many as there are members, all committed at once.
    positions: BTreeMap<ProposalRef, usize>,
}

impl ProposalStore {
    /// Keeps a proposal, and tells where it is in the list unless it was there already.
    pub(crate) fn insert(
        &mut self,
        proposal: PendingProposal,
        limit: usize,
    ) -> Result<Option<u32>, GroupError> {
        if self.positions.contains_key(&proposal.reference) {
            return Ok(None);
        }
        let position = self.proposals.len();
        let fits = position < limit;
        let row = u32::try_from(position).ok().filter(|_| fits).ok_or(Exceeded::PendingProposals(limit))?;
        self.positions.insert(proposal.reference.clone(), position);
        self.proposals.push(proposal);
        Ok(Some(row))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &PendingProposal> {
        self.proposals.iter()
    }

    /// The positions in the list.
    pub(crate) fn positions(&self) -> impl Iterator<Item = u32> + use<> {
        // As many as could be inserted.
        0..u32::try_from(self.proposals.len()).unwrap_or(u32::MAX)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.proposals.is_empty()
    }

    fn get(&self, reference: &ProposalRef) -> Option<&PendingProposal> {
        self.proposals.get(*self.positions.get(reference)?)
    }

    /// The proposals of a Commit, those that it refers to looked up.
    pub(crate) fn resolve(
        &self,
        committer: Sender,
        list: &[ProposalOrRef],
    ) -> Result<Vec<Committed>, GroupError> {
        list.iter()
            .map(|entry| match entry {
                ProposalOrRef::Proposal(proposal) => {
                    Ok(Committed { sender: committer, proposal: proposal.clone(), reference: None })
                }
                ProposalOrRef::Reference(reference) => {
                    let known = self.get(reference);
                    let known = known.ok_or_else(|| Missing::Proposal(reference.clone()))?;
                    Ok(Committed {
                        sender: known.sender,
                        proposal: known.proposal.clone(),
                        reference: Some(reference.clone()),
                    })
                }
            })
            .collect()
    }
}
