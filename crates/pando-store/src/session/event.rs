//! Results of messages, and events, for the application.

use pando_mls::wire::{Opaque, Sender, SignaturePublicKey};
use pando_mls::{
    Credential, Extensions, GroupError, GroupId, LeafIndex, Missing, PendingProposal, Proposal, ProposalRef,
    ReInit,
};
use std::fmt;

/// Result of a message. In all three cases the session has stored the changes and the application's rows.
#[derive(Debug)]
#[must_use = "a message may have been held or rejected"]
pub enum Received {
    /// The message was taken, and this has happened.
    Applied(Vec<Event>),
    /// The message cannot be taken yet. Give it to the session again when the reason has gone.
    Held(Held),
    /// The message is of no use.
    Rejected(Rejection),
}

/// Why a message cannot be taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A pre-shared key, a proposal, or the ratchet tree of a Welcome is missing.
    Missing(Missing),
    /// The message belongs to an epoch that the group has not reached: a Commit is missing.
    Epoch {
        /// The epoch of the message.
        message: u64,
        /// The epoch of the group.
        group: u64,
    },
    /// The client is not in this group: its Welcome may still be on its way.
    NoGroup(GroupId),
    /// A Welcome leads to a group that the client is in: the Commit that removes the client may still be on its way. If the
    /// delivery service says that there is none, the Welcome is of no use.
    StillInGroup,
    /// It is not known whether our external Commit was accepted: another Commit of that epoch has come, or a message of a later
    /// epoch, and the client has no other group that could tell. Ask the delivery service.
    JoinPending,
    /// The local policy advises to wait, for this reason.
    Advice(String),
    /// The local policy advises to leave the group instead of following the Commit, for this reason.
    Leave(String),
}

/// Why a message is of no use.
#[derive(Debug)]
pub enum Rejection {
    /// The group, or the library, refuses it. If the reason is a limit of this client ([`GroupError::Exceeded`]), its rules or its
    /// identity policy, the message can be taken after these have been changed.
    Group(GroupError),
    /// A Welcome is for a KeyPackage of which the store does not have the signature key any more.
    NoSigner(SignaturePublicKey),
    /// A Welcome would bring back a group that the client had: its epoch is not higher, and its KeyPackage is as old.
    OldWelcome,
}

/// An event in a group.
///
/// The list is exhaustive on purpose: a new kind is to break the build of an application that would ignore it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A member has sent application data.
    Message(Message),
    /// The delivery service has returned application data of our own.
    OwnMessage,
    /// A proposal is pending.
    Proposal(PendingProposal),
    /// The group's rules do not admit a proposal, for this reason. It is kept in case a Commit refers to it.
    ProposalNotAdmitted(PendingProposal, String),
    /// The delivery service has returned our own proposal.
    OwnProposal(ProposalRef),
    /// A Commit has begun an epoch. The events after it, up to the next of this kind, tell what it has changed.
    Epoch {
        /// The new epoch.
        epoch: u64,
        /// The committer.
        committer: Sender,
        /// Whether the Commit is our own.
        is_own: bool,
    },
    /// A member was added.
    Added {
        /// The new member's leaf.
        leaf: LeafIndex,
        /// The new member's credential.
        credential: Credential,
        /// The sender of the Add, or the committer if that is not known.
        by: Sender,
    },
    /// A client has joined by its own external Commit. If it was a member, the removal of its old leaf comes before.
    JoinedExternally {
        /// The new member's leaf.
        leaf: LeafIndex,
        /// The new member's credential.
        credential: Credential,
    },
    /// A member was removed.
    Removed {
        /// The leaf that the member had.
        leaf: LeafIndex,
        /// The credential that the member had.
        credential: Credential,
        /// The sender of the Remove, or the committer if that is not known.
        by: Sender,
    },
    /// A member has another credential or another signature key.
    IdentityChanged {
        /// The member's leaf.
        leaf: LeafIndex,
        /// The credential and the signature key before.
        old: (Credential, SignaturePublicKey),
        /// The credential and the signature key now.
        new: (Credential, SignaturePublicKey),
    },
    /// The extensions of the group have changed to these.
    ExtensionsChanged(Extensions),
    /// The Commit does not cover these proposals, which were pending and are void now.
    ProposalsLeftOut(Vec<PendingProposal>),
    /// Our own pending Commit was not accepted. It had these proposals by value; make another Commit if they still make sense.
    OwnCommitLost(Vec<Proposal>),
    /// The client has joined this group by a Welcome.
    Joined {
        /// The group.
        group_id: GroupId,
        /// Its epoch.
        epoch: u64,
        /// The leaf of the member that has signed the Welcome.
        inviter: LeafIndex,
    },
    /// Our external Commit was accepted: the client is a member from now on.
    JoinAccepted {
        /// The epoch that it leads to.
        epoch: u64,
    },
    /// Our external Commit was not accepted: another one was. Its secrets are deleted. Join again.
    JoinLost,
    /// The client was removed from the group.
    RemovedUs {
        /// The sender of the Remove, or the committer if that is not known.
        by: Sender,
    },
    /// The group has ended. A group with these parameters follows.
    Reinitialized(ReInit),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => write!(f, "{missing}"),
            Self::Epoch { message, group } => {
                write!(f, "the message belongs to epoch {message}, and the group is in epoch {group}")
            }
            Self::NoGroup(group_id) => write!(f, "the client is not in group {group_id}"),
            Self::StillInGroup => f.write_str("the client is in the group of the Welcome"),
            Self::JoinPending => f.write_str("the external Commit is not known to be accepted"),
            Self::Advice(reason) => write!(f, "the local policy advises to wait: {reason}"),
            Self::Leave(reason) => write!(f, "the local policy advises to leave: {reason}"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(error) => write!(f, "{error}"),
            Self::NoSigner(key) => write!(f, "the store does not have the signature key {key:?}"),
            Self::OldWelcome => {
                f.write_str("the Welcome is one to a group that the client had, and is not newer")
            }
        }
    }
}

impl Received {
    /// Returns the events of the message, of which there are none if it was held or rejected.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        match self {
            Self::Applied(events) => events,
            Self::Held(_) | Self::Rejected(_) => &[],
        }
    }
}

impl Event {
    /// Returns the data of a message as text, if it is a message and its data is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Message(message) => std::str::from_utf8(&message.data).ok(),
            _ => None,
        }
    }
}

/// Application data of a member.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The member's leaf in that epoch. Another client may have it now.
    pub sender: LeafIndex,
    /// The member's credential in that epoch.
    pub credential: Credential,
    /// The epoch.
    pub epoch: u64,
    /// The data.
    pub data: Opaque,
    /// Data that was authenticated and not encrypted.
    pub authenticated_data: Opaque,
}

/// Prints the length of the data, and not the data.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("sender", &self.sender)
            .field("credential", &self.credential)
            .field("epoch", &self.epoch)
            .field("data", &format_args!("[{} bytes]", self.data.len()))
            .field("authenticated_data", &self.authenticated_data)
            .finish()
    }
}
