//! Errors that occur while messages are created or opened.

use pando_crypto::CryptoError;
use pando_schedule::ScheduleError;
use pando_wire::{ContentType, DecodeError, EncodeError, LeafIndex, Sender, WireFormat};

/// An error that occurs while a message is created or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// The message belongs to another group.
    #[error("message belongs to another group")]
    WrongGroup,
    /// The message belongs to another epoch.
    #[error("message belongs to epoch {message}, not to epoch {group}")]
    WrongEpoch {
        /// The epoch of the message.
        message: u64,
        /// The epoch of the group.
        group: u64,
    },
    /// The sender may not send content of this type (section 6.1).
    #[error("{sender:?} cannot send content of type {content_type:?} (RFC 9420, section 6.1)")]
    SenderNotAllowed {
        /// The sender of the message.
        sender: Sender,
        /// The type of the content.
        content_type: ContentType,
    },
    /// Content of this sender or of this type may not be sent in this wire format. Application data
    /// must always be encrypted, and only members can encrypt (sections 6 and 6.3.2).
    #[error(
        "content of type {content_type:?} from {sender:?} cannot be sent as {wire_format} (RFC 9420, sections 6 and 6.3.2)"
    )]
    FormatNotAllowed {
        /// The wire format of the message.
        wire_format: WireFormat,
        /// The sender of the message.
        sender: Sender,
        /// The type of the content.
        content_type: ContentType,
    },
    /// A Commit has no confirmation tag, or content that is not a Commit has one (section 6.1).
    #[error("confirmation tag missing or not allowed: only a Commit has one (RFC 9420, section 6.1)")]
    ConfirmationTag,
    /// A membership tag or the key for it is missing or not allowed (section 6.2). Each
    /// PublicMessage of a member must have a tag, and no other message may have one. On sending,
    /// the same rule applies to the membership key that the caller provides.
    #[error(
        "membership tag or key missing or not allowed: only a member's PublicMessage has one (RFC 9420, section 6.2)"
    )]
    MembershipTag,
    /// The membership tag is incorrect (section 6.2).
    #[error("wrong membership tag (RFC 9420, section 6.2)")]
    WrongMembershipTag,
    /// The leaf of the sender is blank or does not exist (section 6.3.2).
    #[error("sender {0} is not a member (RFC 9420, section 6.3.2)")]
    NotAMember(LeafIndex),
    /// The sender of an encrypted message is this member. Either the delivery service has returned
    /// one of our own messages, whose keys have been deleted, or another member has forged the
    /// message. The message is not decrypted, and the state does not change.
    #[error("message is from our own leaf")]
    OwnMessage,
    /// The sender data was decrypted, but it is malformed.
    #[error("malformed sender data: {0}")]
    MalformedSenderData(DecodeError),
    /// The content was decrypted, but it is malformed or its padding is not zero (section 6.3.1).
    #[error("malformed content: {0} (RFC 9420, section 6.3.1)")]
    MalformedContent(DecodeError),
    /// The key of the message is not available.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Decryption failed, the signature is wrong, or another cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A value is too long to be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
