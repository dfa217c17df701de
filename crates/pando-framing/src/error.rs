//! What can be wrong with a message, or with an attempt to make one.

use pando_crypto::CryptoError;
use pando_schedule::ScheduleError;
use pando_wire::{ContentType, DecodeError, EncodeError, LeafIndex, Sender, WireFormat};

/// Why a message could not be made or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// The message belongs to another group.
    #[error("the message belongs to another group")]
    WrongGroup,
    /// The message belongs to another epoch.
    #[error("the message belongs to epoch {message}, not to epoch {group}")]
    WrongEpoch {
        /// The epoch of the message.
        message: u64,
        /// The epoch that it was opened with.
        group: u64,
    },
    /// Such a sender cannot send such content (section 6.1).
    #[error("{sender:?} cannot send content of type {content_type:?}")]
    SenderNotAllowed {
        /// The sender.
        sender: Sender,
        /// The content.
        content_type: ContentType,
    },
    /// Content of this sender or type cannot be sent in this format: data of the application is always
    /// encrypted, and only a member can encrypt (sections 6 and 6.3.2).
    #[error("content of type {content_type:?} from {sender:?} cannot be sent as {wire_format}")]
    FormatNotAllowed {
        /// The format.
        wire_format: WireFormat,
        /// The sender.
        sender: Sender,
        /// The content.
        content_type: ContentType,
    },
    /// A Commit has no confirmation tag, or something else has one (section 6.1).
    #[error("a Commit, and nothing else, has a confirmation tag")]
    ConfirmationTag,
    /// A member's PublicMessage is to be made and the membership key was not given, or there is a
    /// membership tag and the sender is not a member, or the other way round (section 6.2).
    #[error("a member's PublicMessage, and nothing else, has a membership tag")]
    MembershipTag,
    /// The membership tag is wrong (section 6.2).
    #[error("wrong membership tag")]
    WrongMembershipTag,
    /// The leaf of the sender is blank or does not exist (section 6.3.2).
    #[error("the sender, {0}, is not a member")]
    NotAMember(LeafIndex),
    /// The sender of an encrypted message is this member. A delivery service that gives everybody everything gives one's
    /// own messages back; the keys that they were encrypted with are gone. Or somebody has made it up: it is not looked
    /// at, and changes nothing.
    #[error("the message is one's own")]
    OwnMessage,
    /// The sender data could be decrypted and is malformed.
    #[error("malformed sender data: {0}")]
    MalformedSenderData(DecodeError),
    /// The content could be decrypted and is malformed, or its padding is not zero (section 6.3.1).
    #[error("malformed content: {0}")]
    MalformedContent(DecodeError),
    /// The key of the message is not to be had.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Decryption failed, the signature is wrong, or another cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Something is too long to be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
