//! Standalone proposals, and proposals that a Commit covers (RFC 9420, sections 12.1 and 12.4).

use pando_wire::{Opaque, Proposal, ProposalRef, Sender};
use std::sync::Arc;

/// A standalone proposal that was sent in this epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingProposal {
    /// The hash by which a Commit refers to the proposal.
    pub reference: ProposalRef,
    /// The sender of the proposal.
    pub sender: Sender,
    /// The proposal.
    pub proposal: Proposal,
    /// Data that is authenticated together with the proposal but not encrypted.
    pub authenticated_data: Opaque,
}

/// The status that determines how a member treats a standalone proposal. A Commit of another member
/// may refer to the proposal in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProposalStatus {
    /// Our Commits cover the proposal, and no application data may be sent before the proposal is
    /// committed (section 12.4).
    Pending,
    /// A member does not support the proposal's type. Our Commits cover the proposal if they remove
    /// that member (section 12.2). Until then, the proposal does not prevent members from sending
    /// application data.
    Unsupported,
    /// The group's rules do not admit the proposal.
    NotAdmitted,
    /// The proposal is our own and was withdrawn.
    Withdrawn,
}

impl ProposalStatus {
    /// Returns whether our Commits may cover the proposal.
    pub(crate) const fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::Unsupported)
    }
}

/// A proposal that a Commit covers. Clones share the contents of the proposal.
#[derive(Debug, Clone)]
pub(crate) enum Committed {
    /// A proposal that is contained in the Commit itself. The sender of such a proposal is the
    /// committer.
    ByValue(Sender, Arc<Proposal>),
    /// A standalone proposal to which the Commit refers, possibly more than once.
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
