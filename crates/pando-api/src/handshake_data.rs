//! The authenticated data of proposals and Commits (docs/protocol.md, section 8.1).
//!
//! The data is in the clear. Handshakes of other implementations have other data, or none;
//! [`HandshakeData::read`] tells such foreign data from malformed data.

use crate::codec::Label;
use crate::envelope::check_extensions;
use crate::{ApiExtension, EnvelopeError, SignedHead};
use pando_mls::LeafIndex;
use pando_wire::{Decode, Encode, list};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

const LABEL: Label = Label::new("Pando 1.0 Handshake");

/// The authenticated data of a proposal or Commit. The encoding begins with a label.
#[derive(Debug, Clone, PartialEq, Eq, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct HandshakeData {
    /// The signed head of the last log entry that the sender has read.
    #[tls_codec(with = "labelled_head")]
    pub head: Option<SignedHead>,
    /// A leaf that shows to receivers that the policy allows the Commit. Without the witness,
    /// receivers may have to search for such a leaf.
    pub witness: Option<LeafIndex>,
    /// The extensions, sorted by type, each type once.
    #[tls_codec(with = "list")]
    pub extensions: Vec<ApiExtension>,
}

impl Encode for HandshakeData {}

impl HandshakeData {
    /// Reads the authenticated data of a handshake. Returns `None` for foreign data: the data does
    /// not begin with the label of this structure.
    ///
    /// # Errors
    /// [`EnvelopeError`] if the data begins with the label and is malformed, or has an extension
    /// that a receiver must know.
    pub fn read(authenticated_data: &[u8]) -> Result<Option<Self>, EnvelopeError> {
        if LABEL.strip(authenticated_data).is_none() {
            return Ok(None);
        }
        let data = Self::decode(authenticated_data)?;
        check_extensions(&data.extensions)?;
        Ok(Some(data))
    }
}

/// Encodes the label and the first field.
mod labelled_head {
    use super::{LABEL, SignedHead};
    use std::io::Write;
    use tls_codec::Error;

    #[allow(clippy::ref_option, reason = "tls_codec's derive macros pass the field by reference")]
    pub(super) fn tls_serialized_len(head: &Option<SignedHead>) -> usize {
        LABEL.len_with(head)
    }

    #[allow(clippy::ref_option, reason = "tls_codec's derive macros pass the field by reference")]
    pub(super) fn tls_serialize<W: Write>(head: &Option<SignedHead>, writer: &mut W) -> Result<usize, Error> {
        LABEL.write_with(head, writer)
    }

    pub(super) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Option<SignedHead>, &[u8]), Error> {
        LABEL.read_with(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::DecodeError;
    use proptest::prelude::*;

    fn data() -> HandshakeData {
        HandshakeData { head: None, witness: Some(LeafIndex(3)), extensions: Vec::new() }
    }

    #[test]
    fn foreign_data_is_not_malformed() {
        let own = data().encode().unwrap();
        for foreign in
            [&b""[..], b"open", b"\x13", b"\x13Pando 1.0 Handshak", b"\x13Pando 1.0 handshake", &own[1..]]
        {
            assert_eq!(HandshakeData::read(foreign), Ok(None));
        }
        assert_eq!(HandshakeData::read(&own), Ok(Some(data())));
    }

    #[test]
    fn own_data_that_is_truncated_or_extended_is_malformed() {
        let own = data().encode().unwrap();
        for length in b"\x13Pando 1.0 Handshake".len()..own.len() {
            let malformed = HandshakeData::read(&own[..length]);
            assert_eq!(malformed, Err(EnvelopeError::Malformed(DecodeError::Truncated)));
        }
        let malformed = HandshakeData::read(&[&own[..], &[0]].concat());
        assert_eq!(malformed, Err(EnvelopeError::Malformed(DecodeError::TrailingBytes)));
    }

    #[test]
    fn extensions_are_checked() {
        let with = |types: &[u16]| {
            let extension = |extension_type| ApiExtension { extension_type, data: Vec::new().into() };
            let extensions = types.iter().copied().map(extension).collect();
            HandshakeData { extensions, ..data() }
        };
        let read = |types: &[u16]| HandshakeData::read(&with(types).encode().unwrap());
        assert_eq!(read(&[1, 2, 0x7fff]), Ok(Some(with(&[1, 2, 0x7fff]))));
        assert_eq!(read(&[2, 1]), Err(EnvelopeError::Order));
        assert_eq!(read(&[1, 1]), Err(EnvelopeError::Order));
        assert_eq!(read(&[1, 0x8000]), Err(EnvelopeError::UnknownExtension(0x8000)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = HandshakeData::read(&bytes);
            let labelled = [b"\x13Pando 1.0 Handshake", &bytes[..]].concat();
            if let Ok(data) = HandshakeData::read(&labelled) {
                prop_assert_eq!(data.unwrap().encode().unwrap(), labelled);
            }
        }
    }
}
