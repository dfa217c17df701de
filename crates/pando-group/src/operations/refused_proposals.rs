//! Pending proposals that a Commit leaves out because the group's rules refuse them.
//!
//! The rules judge whole Commits, so the committer finds a proposal to leave out by letting the
//! rules judge prefixes of the list. The number of calls is bounded, and a sender can prevent only
//! its own proposals from being committed.

use crate::state::pending_proposal::PendingProposal;
use pando_wire::{Proposal, Sender};
use std::sync::Arc;

/// Maximum number of refused proposals that are searched for individually. If one more refused
/// proposal is found, all proposals that are applied after it are left out as well.
const MOST: usize = 64;

/// The corresponding maximum for a single sender, so that it cannot prevent the proposals of other
/// senders from being committed.
const MOST_OF_A_SENDER: usize = 8;

/// The senders of the refused proposals found so far.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<Sender>);

impl Refusals {
    /// Records that the first of the given proposals is refused, and returns for each proposal
    /// whether to leave it out. The proposals are in the order in which they are applied.
    pub(crate) fn note(&mut self, proposals: &[Arc<PendingProposal>]) -> Vec<bool> {
        let Some(first) = proposals.first() else { return Vec::new() };
        let of_sender = self.0.iter().filter(|sender| **sender == first.sender).count();
        let bad = proposals.iter().enumerate().map(|(position, proposal)| {
            let as_bad = of_sender >= MOST_OF_A_SENDER && proposal.sender == first.sender;
            position == 0 || as_bad || self.0.len() >= MOST
        });
        let bad = bad.collect();
        self.0.push(first.sender);
        bad
    }

    /// Returns whether so many proposals were refused that the search ends and all proposals are
    /// left out.
    pub(crate) const fn are_too_many(&self) -> bool {
        self.0.len() > MOST.saturating_add(1)
    }
}

/// Sorts proposals in the order in which they are applied (section 12.3). Removals make room for
/// additions, regardless of the order of arrival.
pub(crate) fn sort_as_applied(proposals: &mut [Arc<PendingProposal>]) {
    proposals.sort_by_key(|pending| match pending.proposal {
        Proposal::Remove(_) => 0,
        Proposal::Update(_) => 1,
        Proposal::GroupContextExtensions(_) => 2,
        Proposal::Add(_) => 3,
        _ => 4,
    });
}
