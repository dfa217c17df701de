//! Proposals on their way into a Commit (RFC 9420, sections 12.1 and 12.4).

use pando_wire::{Opaque, Proposal, ProposalRef, Sender};
use std::sync::Arc;

/// A proposal that was sent by itself in this epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingProposal {
    /// The hash by which a Commit refers to it.
    pub reference: ProposalRef,
    /// Its sender.
    pub sender: Sender,
    /// The proposal.
    pub proposal: Proposal,
    /// Authenticated data: authenticated with the proposal and not encrypted.
    pub authenticated_data: Opaque,
}

/// How a member treats a standalone proposal. A Commit of another member may refer to it in any
/// case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProposalStatus {
    /// Our Commits cover it, and no application data may be sent before it is committed (section
    /// 12.4).
    Pending,
    /// A member does not support its type. Our Commits cover it if they remove that member (section
    /// 12.2). Until then it does not prevent members from sending.
    Unsupported,
    /// The group's rules do not admit it.
    NotAdmitted,
    /// It is our own, and withdrawn.
    Withdrawn,
}

impl ProposalStatus {
    /// Returns whether our Commits may cover the proposal.
    pub(crate) const fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::Unsupported)
    }
}

/// A proposal that a Commit covers. Copies share its contents.
#[derive(Debug, Clone)]
pub(crate) enum Committed {
    /// Contained in the Commit itself. The sender is the committer.
    ByValue(Sender, Arc<Proposal>),
    /// Referenced by the Commit, possibly more than once.
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

    /// Returns the proposal if the Commit contains it by value.
    pub(crate) fn by_value(&self) -> Option<&Proposal> {
        match self {
            Self::ByValue(_, proposal) => Some(proposal),
            Self::ByReference(_) => None,
        }
    }

    /// Returns the proposal if the Commit contains it by reference.
    pub(crate) const fn by_reference(&self) -> Option<&Arc<PendingProposal>> {
        match self {
            Self::ByValue(..) => None,
            Self::ByReference(pending) => Some(pending),
        }
    }
}
