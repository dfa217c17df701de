//! Proposals on their way into a Commit (RFC 9420, sections 12.1 and 12.4).

use pando_wire::{Opaque, Proposal, ProposalRef, Sender};
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
