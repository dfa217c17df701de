//! Encodings that several structures share.

use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

/// The fixed text at the start of a structure, `opaque label<V>`. It separates the signatures and
/// the contents of a structure from those of all others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label(&'static str);

impl Label {
    /// Returns a label. It must be shorter than 64 bytes, so that its length takes one byte.
    pub(crate) const fn new(text: &'static str) -> Self {
        assert!(text.len() < 64, "the length of a label takes one byte");
        Self(text)
    }

    /// Returns the bytes after the label, or `None` if `bytes` do not begin with the label.
    pub(crate) fn strip(self, bytes: &[u8]) -> Option<&[u8]> {
        let (length, rest) = bytes.split_first()?;
        if usize::from(*length) == self.0.len() { rest.strip_prefix(self.0.as_bytes()) } else { None }
    }

    /// Returns the length of the label and `field` in bytes.
    pub(crate) fn len_with(self, field: &impl Size) -> usize {
        self.0.len().saturating_add(1).saturating_add(field.tls_serialized_len())
    }

    /// Writes the label and `field`.
    pub(crate) fn write_with<W: Write>(self, field: &impl Serialize, writer: &mut W) -> Result<usize, Error> {
        let label = pando_wire::Opaque::from(self.0).tls_serialize(writer)?;
        Ok(label.saturating_add(field.tls_serialize(writer)?))
    }

    /// Reads the label and a field.
    pub(crate) fn read_with<T: DeserializeBytes>(self, bytes: &[u8]) -> Result<(T, &[u8]), Error> {
        let error = || Error::DecodingError(format!("label is not {:?}", self.0));
        T::tls_deserialize_bytes(self.strip(bytes).ok_or_else(error)?)
    }
}

/// Encodes a field of the type `bool` as `uint8`: 0 or 1.
pub(crate) mod flag {
    use std::io::Write;
    use tls_codec::{DeserializeBytes, Error, Serialize};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "tls_codec's derive macros pass a reference")]
    pub(crate) const fn tls_serialized_len(_: &bool) -> usize {
        1
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "tls_codec's derive macros pass a reference")]
    pub(crate) fn tls_serialize<W: Write>(flag: &bool, writer: &mut W) -> Result<usize, Error> {
        u8::from(*flag).tls_serialize(writer)
    }

    pub(crate) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(bool, &[u8]), Error> {
        match u8::tls_deserialize_bytes(bytes)? {
            (0, rest) => Ok((false, rest)),
            (1, rest) => Ok((true, rest)),
            (other, _) => Err(Error::DecodingError(format!("flag is {other}, and neither 0 nor 1"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_an_opaque_text() {
        let label = Label::new("Label");
        let mut bytes = Vec::new();
        assert_eq!(label.write_with(&7_u16, &mut bytes).unwrap(), 8);
        assert_eq!((&*bytes, label.len_with(&7_u16)), (&b"\x05Label\0\x07"[..], 8));
        assert_eq!(label.read_with::<u16>(&bytes).unwrap(), (7, &[][..]));
    }

    #[test]
    fn other_labels_are_refused() {
        let label = Label::new("Label");
        for bytes in [&b""[..], b"\x05", b"\x05Labe", b"\x05label", b"\x04Label", b"\x06Label", b"Label"] {
            assert_eq!(label.strip(bytes), None);
            assert!(label.read_with::<u16>(&[bytes, &[0, 7]].concat()).is_err());
        }
    }

    #[test]
    fn a_flag_is_0_or_1() {
        for (byte, value) in [(0, false), (1, true)] {
            assert_eq!(flag::tls_deserialize_bytes(&[byte, 9]).unwrap(), (value, &[9][..]));
            let mut bytes = Vec::new();
            flag::tls_serialize(&value, &mut bytes).unwrap();
            assert_eq!(bytes, [byte]);
        }
        assert!((2..=u8::MAX).all(|byte| flag::tls_deserialize_bytes(&[byte]).is_err()));
        assert!(flag::tls_deserialize_bytes(&[]).is_err());
    }
}
