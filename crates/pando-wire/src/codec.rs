//! Encoding and decoding (RFC 9420, sections 2.1 and 2.1.2).
//!
//! This module is a thin layer over `tls_codec`, with one trait for encoding, one for decoding, and
//! its own error types. When it decodes a variable-size vector, it checks the length against the
//! remaining input before using it.

use tls_codec::{DeserializeBytes, Serialize};
use zeroize::Zeroizing;

/// The largest length in bytes of a variable-size vector (section 2.1.2): 2^30 - 1.
pub const MAX_VECTOR_LEN: usize = (1 << 30) - 1;

/// A structure that can be encoded.
///
/// `Vec<u8>` does not implement this trait. `tls_codec` would add a length prefix to it, which is
/// right for a byte string inside a structure, but wrong for a message that is already encoded.
/// Therefore each structure implements this trait explicitly.
///
/// ```compile_fail,E0599
/// use pando_wire::Encode;
/// let message: Vec<u8> = vec![1, 2, 3];
/// let sent = message.encode();
/// ```
pub trait Encode: Serialize {
    /// Returns the encoding of this value.
    ///
    /// # Errors
    /// Returns [`EncodeError::TooLong`] if the value contains a vector longer than
    /// [`MAX_VECTOR_LEN`] bytes.
    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.tls_serialize_detached().map_err(EncodeError::from)
    }

    /// Returns the encoding of a value that holds secrets. The buffer is zeroized on drop.
    ///
    /// # Errors
    /// Returns the same errors as [`Encode::encode`].
    fn encode_secret(&self) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        // The buffer is allocated at its final size, so no partial copy stays in memory.
        self.encode().map(Zeroizing::new)
    }
}

impl<T: Encode> Encode for Option<T> {}

/// A structure that can be decoded.
pub trait Decode: DeserializeBytes + Sized {
    /// Decodes a value that takes up all of `bytes`.
    ///
    /// # Errors
    /// Returns [`DecodeError`] if `bytes` is not the encoding of a value of this type.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::tls_deserialize_exact_bytes(bytes).map_err(DecodeError::from)
    }

    /// Decodes a value from the start of `bytes`. Returns the value and the remaining bytes.
    ///
    /// # Errors
    /// Returns [`DecodeError`] if `bytes` does not start with the encoding of a value of this type.
    fn decode_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        Self::tls_deserialize_bytes(bytes).map_err(DecodeError::from)
    }
}

impl<T: DeserializeBytes> Decode for T {}

/// An error from decoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends before the value does, or a vector ends before its last element does.
    #[error("input is truncated")]
    Truncated,
    /// The input continues after the value.
    #[error("trailing bytes after the value")]
    TrailingBytes,
    /// A vector's length is not encoded in the shortest form, or its encoding starts with the bits
    /// 0b11.
    #[error("malformed vector length")]
    BadLength,
    /// A selector has a value that RFC 9420 does not define, so the structure that follows it is
    /// unknown.
    #[error("unknown selector value {0}")]
    UnknownValue(u64),
    /// A field has a value that its type does not allow.
    #[error("malformed: {0}")]
    Malformed(String),
}

impl From<tls_codec::Error> for DecodeError {
    fn from(error: tls_codec::Error) -> Self {
        use tls_codec::Error as E;
        match error {
            E::EndOfStream => Self::Truncated,
            E::TrailingData => Self::TrailingBytes,
            E::InvalidVectorLength => Self::BadLength,
            E::UnknownValue(value) => Self::UnknownValue(value),
            E::DecodingError(what) => Self::Malformed(what),
            other => Self::Malformed(other.to_string()),
        }
    }
}

/// An error from encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A vector is longer than [`MAX_VECTOR_LEN`] bytes.
    #[error("vector is longer than 2^30 - 1 bytes")]
    TooLong,
}

impl From<tls_codec::Error> for EncodeError {
    fn from(_: tls_codec::Error) -> Self {
        // Encoding to memory can only fail because a vector is too long.
        Self::TooLong
    }
}

/// Returns the header of a vector of `len` bytes. Callers use it to hash or sign a structure piece
/// by piece.
///
/// # Errors
/// Returns [`EncodeError::TooLong`] if `len` is above [`MAX_VECTOR_LEN`].
pub fn vector_header(len: usize) -> Result<VectorHeader, EncodeError> {
    let mut bytes = [0; 4];
    let mut unwritten = bytes.as_mut_slice();
    let len = length::write(&mut unwritten, len)?;
    Ok(VectorHeader { bytes, len })
}

/// Decodes the header of a vector. Returns the length of the vector and the bytes that follow the
/// header.
///
/// # Errors
/// Returns [`DecodeError`] if the header is truncated or not minimal, or if the length is above
/// [`MAX_VECTOR_LEN`].
pub fn read_vector_header(bytes: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    Ok(length::read(bytes)?)
}

/// The header of a vector, which takes one, two or four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorHeader {
    bytes: [u8; 4],
    len: usize,
}

impl AsRef<[u8]> for VectorHeader {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

/// The encoding of variable-size lengths (section 2.1.2).
pub(crate) mod length {
    use super::MAX_VECTOR_LEN;
    use tls_codec::{DeserializeBytes, Error, TlsVarInt};

    /// Decodes a length, and returns it with the remaining bytes.
    pub(crate) fn read(bytes: &[u8]) -> Result<(usize, &[u8]), Error> {
        let (length, rest) = TlsVarInt::tls_deserialize_bytes(bytes)?;
        let length = usize::try_from(length.value()).map_err(|_| Error::InvalidVectorLength)?;
        if length > MAX_VECTOR_LEN {
            return Err(Error::InvalidVectorLength);
        }
        Ok((length, rest))
    }

    /// Decodes a vector's length and splits off that many bytes. Returns the contents of the vector
    /// and the remaining bytes.
    pub(crate) fn take(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
        let (length, rest) = read(bytes)?;
        rest.split_at_checked(length).ok_or(Error::EndOfStream)
    }

    /// Writes the length of a vector of `len` bytes.
    pub(crate) fn write<W: std::io::Write>(writer: &mut W, len: usize) -> Result<usize, Error> {
        tls_codec::vlen::write_length(writer, len)
    }

    /// Returns the number of bytes in the header of a vector of `len` bytes.
    pub(crate) const fn size(len: usize) -> usize {
        match len {
            0..=0x3f => 1,
            0x40..=0x3fff => 2,
            _ => 4,
        }
    }
}

/// The encoding of `Vec<T>` fields as `T field<V>`, selected by `#[tls_codec(with =
/// "pando_wire::list")]`.
///
/// The implementation that `tls_codec` provides for `Vec` is not used, because it accepts
/// eight-byte lengths. That implementation also decodes an element before it checks whether the
/// element extends beyond the vector.
pub mod list {
    use super::length;
    use std::fmt::Debug;
    use tls_codec::{DeserializeBytes, Error, Serialize, Size};

    /// Returns the length of the encoding in bytes.
    #[allow(clippy::ptr_arg, reason = "tls_codec's derive macros pass the field by reference")]
    pub fn tls_serialized_len<T: Size>(list: &Vec<T>) -> usize {
        list.tls_serialized_len()
    }

    /// Writes the encoding. Returns its length in bytes.
    ///
    /// # Errors
    /// An error if the list is longer than [`MAX_VECTOR_LEN`](super::MAX_VECTOR_LEN) bytes.
    #[allow(clippy::ptr_arg, reason = "tls_codec's derive macros pass the field by reference")]
    pub fn tls_serialize<T: Serialize + Debug, W: std::io::Write>(
        list: &Vec<T>,
        writer: &mut W,
    ) -> Result<usize, Error> {
        list.tls_serialize(writer)
    }

    /// Decodes a list. Returns it and the remaining bytes.
    ///
    /// # Errors
    /// An error if an element is malformed or exceeds the list.
    pub fn tls_deserialize_bytes<T: DeserializeBytes>(bytes: &[u8]) -> Result<(Vec<T>, &[u8]), Error> {
        let (mut inside, behind) = length::take(bytes)?;
        let mut list = Vec::new();
        // The loop terminates because every element takes at least one byte.
        while !inside.is_empty() {
            let (element, rest) = T::tls_deserialize_bytes(inside)?;
            if rest.len() >= inside.len() {
                return Err(Error::LibraryError);
            }
            list.push(element);
            inside = rest;
        }
        Ok((list, behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Opaque;

    #[test]
    fn lengths_are_minimal_and_below_2_to_the_30() {
        for (header, length) in [
            ("00", 0),
            ("3f", 63),
            ("4040", 64),
            ("7fff", 16_383),
            ("80004000", 16_384),
            ("bfffffff", MAX_VECTOR_LEN),
        ] {
            let header = hex::decode(header).unwrap();
            assert_eq!(vector_header(length).unwrap().as_ref(), header);
            assert_eq!(read_vector_header(&header).unwrap(), (length, &[][..]));
            assert_eq!(length::size(length), header.len());
        }
        assert_eq!(vector_header(MAX_VECTOR_LEN + 1), Err(EncodeError::TooLong));
    }

    #[test]
    fn longer_encodings_than_necessary_are_refused() {
        for header in ["4000", "403f", "80000000", "80003fff", "c000000000000000", "c000000040000000", "ff"] {
            let header = hex::decode(header).unwrap();
            let error = Opaque::decode(&header).unwrap_err();
            assert!(matches!(error, DecodeError::BadLength | DecodeError::Truncated), "{header:x?}: {error}");
            assert!(list::tls_deserialize_bytes::<u8>(&header).is_err());
        }
    }

    #[test]
    fn a_length_beyond_the_input_is_refused_before_anything_is_allocated() {
        // A decoder that trusted this length would allocate a gigabyte.
        assert_eq!(Opaque::decode(&[0xbf, 0xff, 0xff, 0xff, 1, 2, 3]), Err(DecodeError::Truncated));
        assert!(list::tls_deserialize_bytes::<u16>(&[0xbf, 0xff, 0xff, 0xff, 1, 2, 3]).is_err());
    }

    #[test]
    fn an_element_cannot_reach_beyond_its_vector() {
        // A vector of three bytes cannot hold two `u16` values, even if more bytes follow.
        assert_eq!(list::tls_deserialize_bytes::<u16>(&[3, 0, 1, 0, 2]), Err(tls_codec::Error::EndOfStream));
    }
}
