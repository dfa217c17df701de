//! Proposals on their way into a Commit (RFC 9420, sections 12.1 and 12.4).

use pando_wire::{Opaque, Proposal, ProposalRef, Sender};
use std::sync::Arc;

/// A proposal that was sent by itself in this epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingProposal {
    /// The hash by which a Commit refers to it.
    pub reference: ProposalRef,
    /// Its sender.
    pub sender: Sender,
    /// The proposal.
    pub proposal: Proposal,
    /// Data that was authenticated with it and not encrypted.
    pub authenticated_data: Opaque,
}

/// What a member does with a proposal that was sent by itself. Whatever it is, a Commit of another member may refer to the
/// proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProposalStatus {
    /// Our Commits cover it, and no application data is sent before it is committed (section 12.4).
    Pending,
    /// It is of a type that a member does not support: our Commits cover it if they remove that member (section 12.2).
    /// Until then it does not keep anybody from sending.
    Unsupported,
    /// The group's rules do not admit it.
    NotAdmitted,
    /// Our own, withdrawn.
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
    /// In the Commit itself, with the committer as its sender.
    ByValue(Sender, Arc<Proposal>),
    /// Referred to by the Commit, perhaps more than once.
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

    /// Returns the proposal if it is in the Commit itself.
    pub(crate) fn by_value(&self) -> Option<&Proposal> {
        match self {
            Self::ByValue(_, proposal) => Some(proposal),
            Self::ByReference(_) => None,
        }
    }

    /// Returns the proposal if the Commit refers to it.
    pub(crate) const fn by_reference(&self) -> Option<&Arc<PendingProposal>> {
        match self {
            Self::ByValue(..) => None,
            Self::ByReference(pending) => Some(pending),
        }
    }
}
