//! Events for the application.

use super::text;
use pando_api::{ClientId, Equivocation, ForkEvidence, MessageId};
use pando_mls::{Encode, GroupId, Opaque};
use std::fmt;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The number of an event. Later events have higher numbers.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
pub struct EventId(pub u64);

/// The number of an operation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, TlsSerialize, TlsDeserializeBytes, TlsSize,
)]
pub struct OperationId(pub u64);

/// An event that is stored until the application acknowledges it. Until then, the application
/// receives it again after each restart, with the same number.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[non_exhaustive]
pub struct StoredEvent {
    /// The number of the event.
    pub id: EventId,
    /// The time in milliseconds since 1970: of the log entry if the event has one, and otherwise by
    /// our clock.
    pub time: u64,
    /// The group, if the event belongs to one.
    pub group_id: Option<GroupId>,
    /// The event.
    pub event: Event,
}

impl Encode for StoredEvent {}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
#[non_exhaustive]
pub enum Event {
    /// An operation is done, and the client has its effects.
    #[tls_codec(discriminant = 1)]
    OperationDone(OperationId),
    /// An operation failed and has no effects.
    #[tls_codec(discriminant = 2)]
    OperationFailed {
        /// The operation.
        operation: OperationId,
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
    /// Nothing is left to do for an operation, because of another member's change.
    #[tls_codec(discriminant = 3)]
    OperationSuperseded {
        /// The operation.
        operation: OperationId,
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
    /// The server has accepted our message.
    #[tls_codec(discriminant = 4)]
    MessageSent {
        /// The message.
        message: MessageId,
        /// The place in the log.
        seq: u64,
    },
    /// Our message was not sent and will not be sent.
    #[tls_codec(discriminant = 5)]
    MessageFailed {
        /// The message.
        message: MessageId,
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
    /// The client has become a member of the group.
    #[tls_codec(discriminant = 6)]
    Joined {
        /// The first epoch of the membership.
        epoch: u64,
    },
    /// A message of another member.
    #[tls_codec(discriminant = 7)]
    Message(Message),
    /// A message whose content was received before from the same client. A member has sent it
    /// again, so the application shows it once.
    #[tls_codec(discriminant = 8)]
    ReplayedMessage {
        /// The client that has signed the content.
        sender: Option<ClientId>,
        /// The identifier of the message.
        message: MessageId,
        /// The place of the repetition in the log.
        seq: u64,
    },
    /// A message that cannot be decrypted or read. It is skipped.
    #[tls_codec(discriminant = 9)]
    MessageRefused {
        /// The place in the log.
        seq: u64,
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
    /// A Commit has begun an epoch. The events about its changes follow.
    #[tls_codec(discriminant = 10)]
    EpochBegan {
        /// The new epoch.
        epoch: u64,
        /// The committer.
        committer: Option<ClientId>,
    },
    /// A client was added, or has joined by an external Commit.
    #[tls_codec(discriminant = 11)]
    Added {
        /// The client.
        client: Option<ClientId>,
    },
    /// A client was removed, or has left.
    #[tls_codec(discriminant = 12)]
    Removed {
        /// The client.
        client: Option<ClientId>,
    },
    /// A member has a new certificate or signature key.
    #[tls_codec(discriminant = 13)]
    IdentityChanged {
        /// The client.
        client: Option<ClientId>,
    },
    /// The policy or other extensions of the group have changed.
    #[tls_codec(discriminant = 14)]
    ExtensionsChanged,
    /// The client was removed from the group, or has left it.
    #[tls_codec(discriminant = 15)]
    RemovedUs,
    /// The group has ended.
    #[tls_codec(discriminant = 16)]
    Ended {
        /// The group that follows, if the client knows it.
        successor: Option<GroupId>,
    },
    /// A member has sent a head that the server has not signed. The member is to blame.
    #[tls_codec(discriminant = 17)]
    HeadInvented {
        /// The member.
        sender: Option<ClientId>,
        /// The place of the message in the log.
        seq: u64,
    },
    /// The server has signed two heads for one place.
    #[tls_codec(discriminant = 18)]
    ServerEquivocated(Equivocation),
    /// The server has signed the head of another log than the one that the client has read.
    #[tls_codec(discriminant = 19)]
    ServerForked(ForkEvidence),
    /// The server's log does not continue from what the client has read, or is malformed. The
    /// client reads no further.
    #[tls_codec(discriminant = 20)]
    LogRefused {
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
    /// The server's data was restored from a backup, or the server claims so.
    #[tls_codec(discriminant = 21)]
    Restored {
        /// The new incarnation.
        incarnation: u64,
    },
    /// The server has deleted entries of the log that the client has not read. The client can join
    /// again.
    #[tls_codec(discriminant = 22)]
    Gap,
    /// A Commit in the log is invalid for this client. The client is stuck in the epoch before, and
    /// can join again.
    #[tls_codec(discriminant = 23)]
    CommitUnprocessable {
        /// The place in the log.
        seq: u64,
        /// The committer, which is to blame unless the client itself is at fault: the server checks
        /// what it can check.
        committer: Option<ClientId>,
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
    /// A Welcome was refused.
    #[tls_codec(discriminant = 24)]
    WelcomeRefused {
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
    /// A client of our user is a member of this group, and the client has no state of it. The
    /// client can join it.
    #[tls_codec(discriminant = 26)]
    GroupFound {
        /// 1 if the group has a leaf of our client, which has lost its store, and 0 otherwise.
        has_leaf: u8,
    },
    /// The server accepts no more logins with our certificate.
    #[tls_codec(discriminant = 25)]
    LoggedOut {
        /// The reason.
        #[tls_codec(with = "text")]
        reason: String,
    },
}

/// A message of another member.
#[derive(Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[non_exhaustive]
pub struct Message {
    /// The place in the log.
    pub seq: u64,
    /// The sender. `None` if its credential is not a device certificate.
    pub sender: Option<ClientId>,
    /// The identifier. `None` for messages of other implementations, which cannot be recognised if
    /// they are repeated.
    pub id: Option<MessageId>,
    /// The media type of the body; empty for messages of other implementations.
    #[tls_codec(with = "text")]
    pub media_type: String,
    /// The time in milliseconds since 1970 after which the application deletes the message; 0 means
    /// never.
    pub expires: u64,
    /// The body.
    pub body: Opaque,
}

/// Prints the length of the body instead of the body.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("seq", &self.seq)
            .field("sender", &self.sender)
            .field("id", &self.id)
            .field("media_type", &self.media_type)
            .field("expires", &self.expires)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish()
    }
}
