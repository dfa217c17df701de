//! The content of application messages (docs/protocol.md, section 8.2).
//!
//! The content is encrypted, so only members of the group see it. Messages of other implementations
//! have other content; [`MessageContent::read`] tells such foreign content from malformed content.

use crate::codec::Label;
use crate::envelope::check_extensions;
use crate::{ApiExtension, EnvelopeError, MessageId, SignedHead};
use pando_wire::{Decode, Encode, Opaque, list};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

const LABEL: Label = Label::new("Pando 1.0 Message");

/// The content of an application message. The encoding begins with a label.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct MessageContent {
    /// The identifier of the message.
    #[tls_codec(with = "labelled_id")]
    pub id: MessageId,
    /// The signed head of the last log entry that the sender has read.
    pub head: Option<SignedHead>,
    /// The media type of the body.
    pub media_type: Opaque,
    /// The time in milliseconds since 1970 after which receivers delete the message. 0 means never.
    pub expires: u64,
    /// The body, for the application.
    pub body: Opaque,
    /// The extensions, sorted by type, each type once.
    #[tls_codec(with = "list")]
    pub extensions: Vec<ApiExtension>,
}

impl Encode for MessageContent {}

impl MessageContent {
    /// Reads the content of an application message. Returns `None` for foreign content: it does not
    /// begin with the label of this structure.
    ///
    /// # Errors
    /// [`EnvelopeError`] if the content begins with the label and is malformed, or has an extension
    /// that a receiver must know.
    pub fn read(content: &[u8]) -> Result<Option<Self>, EnvelopeError> {
        if LABEL.strip(content).is_none() {
            return Ok(None);
        }
        let content = Self::decode(content)?;
        check_extensions(&content.extensions)?;
        Ok(Some(content))
    }
}

/// Encodes the label and the first field.
mod labelled_id {
    use super::{LABEL, MessageId};
    use std::io::Write;
    use tls_codec::Error;

    pub(super) fn tls_serialized_len(id: &MessageId) -> usize {
        LABEL.len_with(id)
    }

    pub(super) fn tls_serialize<W: Write>(id: &MessageId, writer: &mut W) -> Result<usize, Error> {
        LABEL.write_with(id, writer)
    }

    pub(super) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(MessageId, &[u8]), Error> {
        LABEL.read_with(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::DecodeError;
    use proptest::prelude::*;

    const START: &[u8] = b"\x11Pando 1.0 Message";

    fn content(types: &[u16]) -> MessageContent {
        let extension = |extension_type| ApiExtension { extension_type, data: Opaque::default() };
        MessageContent {
            id: MessageId([7; 16]),
            head: None,
            media_type: b"text/plain".into(),
            expires: 9,
            body: b"at five?".into(),
            extensions: types.iter().copied().map(extension).collect(),
        }
    }

    #[test]
    fn foreign_content_is_not_malformed() {
        let own = content(&[]).encode().unwrap();
        for foreign in [&b""[..], b"hello", &START[..17], b"\x11Pando 1.0 message", &own[1..]] {
            assert_eq!(MessageContent::read(foreign), Ok(None));
        }
        assert_eq!(MessageContent::read(&own), Ok(Some(content(&[]))));
    }

    #[test]
    fn own_content_that_is_truncated_or_extended_is_malformed() {
        let own = content(&[]).encode().unwrap();
        for length in START.len()..own.len() {
            let malformed = MessageContent::read(&own[..length]);
            assert_eq!(malformed, Err(EnvelopeError::Malformed(DecodeError::Truncated)));
        }
        let malformed = MessageContent::read(&[&own[..], &[0]].concat());
        assert_eq!(malformed, Err(EnvelopeError::Malformed(DecodeError::TrailingBytes)));
    }

    #[test]
    fn extensions_are_checked() {
        let read = |types: &[u16]| MessageContent::read(&content(types).encode().unwrap());
        assert_eq!(read(&[1, 2, 0x7fff]), Ok(Some(content(&[1, 2, 0x7fff]))));
        assert_eq!(read(&[2, 1]), Err(EnvelopeError::Order));
        assert_eq!(read(&[1, 0x8000]), Err(EnvelopeError::UnknownExtension(0x8000)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = MessageContent::read(&bytes);
            let labelled = [START, &bytes].concat();
            if let Ok(content) = MessageContent::read(&labelled) {
                prop_assert_eq!(content.unwrap().encode().unwrap(), labelled);
            }
        }
    }
}
