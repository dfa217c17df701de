//! Results of received messages, and events in groups.

use pando_mls::wire::{Opaque, Sender, SignaturePublicKey};
use pando_mls::{
    Credential, Extensions, GroupError, GroupId, LeafIndex, Missing, PendingProposal, Proposal, ProposalRef,
    ReInit,
};
use std::fmt;

/// The result of receiving a message. In all three cases, the session has stored the changes and
/// the application's rows.
#[derive(Debug)]
#[must_use = "a message may have been held or rejected"]
pub enum Received {
    /// The message was processed.
    Applied {
        /// The group of the message. If the delivery service has named a group, compare it with
        /// this one.
        group_id: GroupId,
        /// The events that the message has caused. The list may be empty.
        events: Vec<Event>,
    },
    /// The message cannot be processed yet. Pass it to the session again when the reason no longer
    /// applies.
    Held(Held),
    /// The message is invalid or useless. An encrypted message of another member or a Commit is
    /// also rejected when it is received again. In contrast, a repeated public proposal and our own
    /// messages are applied each time, but they change nothing.
    Rejected(Rejection),
}

/// The reason why a message cannot be processed yet.
///
/// A message that is held as [`Held::Epoch`], [`Held::NoGroup`] or [`Held::JoinPending`] is not
/// authenticated. Anyone who knows the group's identifier can cause [`Held::Epoch`] and
/// [`Held::JoinPending`]. Anyone at all can cause [`Held::NoGroup`], with any identifier. Anyone
/// who has one of our KeyPackages can send a Welcome that is held as [`Held::Missing`] or
/// [`Held::StillInGroup`]. An application must therefore not wait forever for such a message to
/// become processable. The application should react as follows:
///
/// | Reason | If the delivery service has one ordered log for each group | Otherwise |
/// |---|---|---|
/// | [`Held::Missing`] | supply the missing object, and pass the message again | the same |
/// | [`Held::Epoch`] | skip the message, unless a Commit before it is held, or our own pending Commit may have been accepted | store it, and pass it again after a Commit |
/// | [`Held::NoGroup`] | store it until the Welcome has arrived, up to a limit | the same |
/// | [`Held::StillInGroup`] | process the log of the group first; then pass the Welcome once more, and discard it if it is held again | the same |
/// | [`Held::JoinPending`] | look in the log for our external Commit: pass it if it is there; if another Commit of its epoch is there, call [`Session::abandon_join`](crate::Session::abandon_join) | store it, and ask the delivery service |
/// | [`Held::Advice`], [`Held::Leave`] | ask the user | the same |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A pre-shared key, a proposal, or the ratchet tree of a Welcome is missing.
    Missing(Missing),
    /// The message belongs to an epoch that the group has not reached, because a Commit is missing.
    Epoch {
        /// The epoch of the message.
        message: u64,
        /// The epoch of the group.
        group: u64,
    },
    /// The client is not in this group. The client's Welcome may not have arrived yet.
    NoGroup(GroupId),
    /// The client is already in the group of a Welcome. The Commit that removes the client may not
    /// have arrived yet. If the delivery service has no such Commit, discard the Welcome.
    StillInGroup,
    /// It is unknown whether our external Commit was accepted. Another Commit of the same epoch or
    /// a message of a later epoch has arrived, and the client has no group that could process it.
    /// Ask the delivery service which Commit was accepted.
    JoinPending,
    /// The local policy advises waiting, for the given reason.
    Advice(String),
    /// The local policy advises leaving the group instead of merging the Commit, for the given
    /// reason.
    Leave(String),
}

/// The reason why a message is rejected.
#[derive(Debug)]
pub enum Rejection {
    /// The group or the library rejects the message. If the reason is a limit of this client
    /// ([`GroupError::Exceeded`]), its rules or its identity policy, the message can be processed
    /// after the limit, the rules or the policy have changed.
    Group(GroupError),
    /// The store no longer has the signature key of a Welcome's KeyPackage.
    NoSigner(SignaturePublicKey),
    /// The Welcome would restore a former group of the client, because its epoch is not higher and
    /// its KeyPackage is not newer.
    OldWelcome,
}

/// An event in a group.
///
/// The enum is exhaustive on purpose. After a new event is added, an application that does not
/// handle it fails to compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Application data from another member.
    Message(Message),
    /// The delivery service has returned our own application message.
    OwnMessage,
    /// A proposal is pending.
    Proposal(PendingProposal),
    /// The group's rules do not admit a proposal, for the given reason. The proposal is kept,
    /// because a Commit may refer to it.
    ProposalNotAdmitted(PendingProposal, String),
    /// The delivery service has returned our own proposal.
    OwnProposal(ProposalRef),
    /// A Commit has begun a new epoch. The events after this one, up to the next `Epoch`, describe
    /// the changes that the Commit has made.
    Epoch {
        /// The new epoch.
        epoch: u64,
        /// The committer.
        committer: Sender,
        /// Whether the Commit is our own. If it is, call
        /// [`Session::send_outbox`](crate::Session::send_outbox), because the outbox contains the
        /// Commit's Welcome.
        is_own: bool,
    },
    /// A member was added.
    Added {
        /// The new member's leaf.
        leaf: LeafIndex,
        /// The new member's credential.
        credential: Credential,
        /// The sender of the Add, or the committer if that sender is not known.
        by: Sender,
    },
    /// A client has joined with an external Commit. If the client was a member before, an earlier
    /// event reports the removal of its former leaf.
    JoinedExternally {
        /// The new member's leaf.
        leaf: LeafIndex,
        /// The new member's credential.
        credential: Credential,
    },
    /// A member was removed.
    Removed {
        /// The member's former leaf.
        leaf: LeafIndex,
        /// The member's former credential.
        credential: Credential,
        /// The sender of the Remove, or the committer if that sender is not known.
        by: Sender,
    },
    /// A member's credential or signature key has changed.
    IdentityChanged {
        /// The member's leaf.
        leaf: LeafIndex,
        /// The old credential and signature key.
        old: (Credential, SignaturePublicKey),
        /// The new credential and signature key.
        new: (Credential, SignaturePublicKey),
    },
    /// The group's extensions have changed to this list.
    ExtensionsChanged(Extensions),
    /// These pending proposals are void now, because the Commit does not cover them.
    ProposalsLeftOut(Vec<PendingProposal>),
    /// Our pending Commit was not accepted. The event contains the proposals that the Commit
    /// carried by value. Commit them again if they still apply. The leaf that a Remove names may
    /// belong to another client by now.
    ///
    /// A new identity ([`Session::commit_identity`](crate::Session::commit_identity)) is not among
    /// these proposals, and must be committed again.
    OwnCommitLost(Vec<Proposal>),
    /// The client has joined this group with a Welcome.
    Joined {
        /// The group.
        group_id: GroupId,
        /// The epoch of the group.
        epoch: u64,
        /// The leaf of the member that signed the Welcome.
        inviter: LeafIndex,
    },
    /// Our external Commit was accepted, so the client is a member now.
    JoinAccepted {
        /// The epoch of the external Commit.
        epoch: u64,
    },
    /// Another Commit was accepted in place of our external Commit, whose secrets have been
    /// deleted. Join the group again.
    JoinLost,
    /// The client was removed from the group.
    RemovedUs {
        /// The sender of the Remove, or the committer if that sender is not known.
        by: Sender,
    },
    /// The group has ended. The successor group will have these parameters.
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
    pub(super) fn applied(group_id: &GroupId, events: Vec<Event>) -> Self {
        Self::Applied { group_id: group_id.clone(), events }
    }

    /// Returns the events of the message, or no events if the message was held or rejected.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        match self {
            Self::Applied { events, .. } => events,
            Self::Held(_) | Self::Rejected(_) => &[],
        }
    }
}

impl Event {
    /// Returns the data as text, if the event is a message and its data is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Message(message) => std::str::from_utf8(&message.data).ok(),
            _ => None,
        }
    }
}

/// Application data that a member has sent.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The member's leaf in the epoch of the message. The leaf may belong to another member now.
    pub sender: LeafIndex,
    /// The member's credential in the epoch of the message.
    pub credential: Credential,
    /// The epoch of the message.
    pub epoch: u64,
    /// The application data.
    pub data: Opaque,
    /// Data that is authenticated but not encrypted.
    pub authenticated_data: Opaque,
}

/// Prints the length of the data instead of the data.
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
