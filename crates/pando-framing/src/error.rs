//! Errors from creating and opening messages.

use pando_crypto::CryptoError;
use pando_schedule::ScheduleError;
use pando_wire::{ContentType, DecodeError, EncodeError, LeafIndex, Sender, WireFormat};

/// An error from creating or opening a message.
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
        /// The sender.
        sender: Sender,
        /// The type of the content.
        content_type: ContentType,
    },
    /// Content of this sender or type may not be sent in this format. Application data is always
    /// encrypted, and only a member can encrypt (sections 6 and 6.3.2).
    #[error(
        "content of type {content_type:?} from {sender:?} cannot be sent as {wire_format} (RFC 9420, sections 6 and 6.3.2)"
    )]
    FormatNotAllowed {
        /// The format.
        wire_format: WireFormat,
        /// The sender.
        sender: Sender,
        /// The type of the content.
        content_type: ContentType,
    },
    /// A Commit has no confirmation tag, or other content has one (section 6.1).
    #[error("confirmation tag missing or not allowed: only a Commit has one (RFC 9420, section 6.1)")]
    ConfirmationTag,
    /// The membership tag does not match the sender: a member's message has no tag, or another
    /// message has one. When sending: the membership key is missing for a member's PublicMessage,
    /// or was given for another message (section 6.2).
    #[error(
        "membership tag or key missing or not allowed: only a member's PublicMessage has one (RFC 9420, section 6.2)"
    )]
    MembershipTag,
    /// The membership tag is wrong (section 6.2).
    #[error("wrong membership tag (RFC 9420, section 6.2)")]
    WrongMembershipTag,
    /// The leaf of the sender is blank or does not exist (section 6.3.2).
    #[error("sender {0} is not a member (RFC 9420, section 6.3.2)")]
    NotAMember(LeafIndex),
    /// The sender of an encrypted message is this member. Either the delivery service returns our
    /// own messages, whose keys are deleted, or another member forged the message. It is not
    /// decrypted and changes nothing.
    #[error("message is from our own leaf")]
    OwnMessage,
    /// The sender data was decrypted but is malformed.
    #[error("malformed sender data: {0}")]
    MalformedSenderData(DecodeError),
    /// The content was decrypted but is malformed, or its padding is not zero (section 6.3.1).
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
