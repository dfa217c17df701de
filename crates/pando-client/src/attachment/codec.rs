//! Encodings of fields: labels and texts.

use pando_wire::Opaque;
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

/// The label of an [`Attachment`](super::Attachment).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttachmentLabel;

/// The label of an [`Upload`](super::Upload).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UploadLabel;

/// Encodes a type as a fixed text at the start of a structure, `opaque label<V>`.
macro_rules! labels {
    ($($name:ident: $text:literal)*) => {$(
        impl Size for $name {
            fn tls_serialized_len(&self) -> usize {
                Opaque::from($text).tls_serialized_len()
            }
        }

        impl Serialize for $name {
            fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
                Opaque::from($text).tls_serialize(writer)
            }
        }

        impl DeserializeBytes for $name {
            fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
                let (label, rest) = Opaque::tls_deserialize_bytes(bytes)?;
                if label.as_slice() != $text.as_bytes() {
                    return Err(Error::DecodingError(format!("label is not {:?}", $text)));
                }
                Ok((Self, rest))
            }
        }
    )*};
}

labels! {
    AttachmentLabel: "Pando 1.0 Attachment"
    UploadLabel: "Pando 1.0 AttachmentUpload"
}

/// A text in UTF-8, `opaque<V>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl Size for Text {
    fn tls_serialized_len(&self) -> usize {
        Opaque::from(self.0.as_str()).tls_serialized_len()
    }
}

impl Serialize for Text {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        Opaque::from(self.0.as_str()).tls_serialize(writer)
    }
}

impl DeserializeBytes for Text {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (text, rest) = Opaque::tls_deserialize_bytes(bytes)?;
        let text = String::from_utf8(text.into_vec());
        let text = text.map_err(|_| Error::DecodingError("text is not UTF-8".to_owned()))?;
        Ok((Self(text), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::Decode;

    #[test]
    fn other_labels_are_refused() {
        assert_eq!(AttachmentLabel::decode(b"\x14Pando 1.0 Attachment"), Ok(AttachmentLabel));
        for other in [&b"\x14Pando 2.0 Attachment"[..], b"\x13Pando 1.0 Attachmen", b"\x00", b""] {
            assert!(AttachmentLabel::decode(other).is_err());
        }
        assert_eq!(UploadLabel::decode(b"\x1aPando 1.0 AttachmentUpload"), Ok(UploadLabel));
    }

    #[test]
    fn a_text_is_utf_8() {
        for text in ["", "notes.txt", "résumé 📎.pdf"] {
            let bytes = Text(text.to_owned()).tls_serialize_detached().unwrap();
            assert_eq!(bytes, Opaque::from(text).with_length().unwrap());
            assert_eq!(Text::decode(&bytes), Ok(Text(text.to_owned())));
        }
        assert!(Text::decode(&[2, 0xc3, 0x28]).is_err());
    }
}
