//! Encoding and decoding (RFC 9420, sections 2.1 and 2.1.2).
//!
//! A thin layer over `tls_codec`: one trait per direction, errors of our own, and the variable-size
//! vectors of section 2.1.2 read so that a length is compared with what remains before it is believed.

use tls_codec::{DeserializeBytes, Serialize};
use zeroize::Zeroizing;

/// The largest length, in bytes, that a variable-size vector can have (section 2.1.2): 2^30 - 1.
pub const MAX_VECTOR_LEN: usize = (1 << 30) - 1;

/// A structure that has an encoding.
///
/// Plain bytes are none: as an element of a structure they have a length before them, which nobody means who already has the
/// bytes of a message. `tls_codec` encodes both alike, so each structure implements this trait by itself.
///
/// ```compile_fail,E0599
/// use pando_wire::Encode;
/// let message: Vec<u8> = vec![1, 2, 3];
/// let sent = message.encode();
/// ```
pub trait Encode: Serialize {
    /// The encoding of this value.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] if a vector in it is longer than [`MAX_VECTOR_LEN`] bytes.
    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        self.tls_serialize_detached().map_err(EncodeError::from)
    }

    /// The encoding of a value that holds secrets; it is overwritten when dropped.
    ///
    /// # Errors
    /// As [`Encode::encode`].
    fn encode_secret(&self) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        // The buffer is allocated at its final size, so no copy of its beginning stays behind.
        self.encode().map(Zeroizing::new)
    }
}

impl<T: Encode> Encode for Option<T> {}

/// A structure that can be read from bytes.
pub trait Decode: DeserializeBytes + Sized {
    /// Reads a value that takes up all of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] if `bytes` is not the encoding of a value of this type.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::tls_deserialize_exact_bytes(bytes).map_err(DecodeError::from)
    }

    /// Reads a value from the beginning of `bytes` and returns the bytes behind it.
    ///
    /// # Errors
    /// [`DecodeError`] if `bytes` does not begin with the encoding of a value of this type.
    fn decode_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        Self::tls_deserialize_bytes(bytes).map_err(DecodeError::from)
    }
}

impl<T: DeserializeBytes> Decode for T {}

/// Why bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends before the value does, or a vector before its last element does.
    #[error("the input ends too early")]
    Truncated,
    /// The input goes on after the value.
    #[error("bytes follow after the end of the value")]
    TrailingBytes,
    /// A variable-size length is not minimal, or has the prefix 0b11.
    #[error("a vector's length is malformed")]
    BadLength,
    /// A number that selects what follows is not one that RFC 9420 defines.
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

/// Why a value has no encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A vector is longer than [`MAX_VECTOR_LEN`] bytes.
    #[error("a vector is longer than 2^30 - 1 bytes")]
    TooLong,
}

impl From<tls_codec::Error> for EncodeError {
    fn from(_: tls_codec::Error) -> Self {
        // Writing to memory fails for no other reason.
        Self::TooLong
    }
}

/// The header of a vector of `len` bytes, for those who hash or sign a structure piece by piece.
///
/// # Errors
/// [`EncodeError::TooLong`] if `len` is above [`MAX_VECTOR_LEN`].
pub fn vector_header(len: usize) -> Result<VectorHeader, EncodeError> {
    let mut bytes = [0; 4];
    let mut unwritten = bytes.as_mut_slice();
    let len = length::write(&mut unwritten, len)?;
    Ok(VectorHeader { bytes, len })
}

/// Reads the header of a vector: the vector's length, and the bytes behind the header.
///
/// # Errors
/// [`DecodeError`] if the header is cut short, longer than necessary, or above [`MAX_VECTOR_LEN`].
pub fn read_vector_header(bytes: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    Ok(length::read(bytes)?)
}

/// The header of a vector: one, two or four bytes.
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

/// Variable-size lengths (section 2.1.2).
pub(crate) mod length {
    use super::MAX_VECTOR_LEN;
    use tls_codec::{DeserializeBytes, Error, TlsVarInt};

    /// Reads a length: its value, and what is behind it.
    pub(crate) fn read(bytes: &[u8]) -> Result<(usize, &[u8]), Error> {
        let (length, rest) = TlsVarInt::tls_deserialize_bytes(bytes)?;
        let length = usize::try_from(length.value()).map_err(|_| Error::InvalidVectorLength)?;
        if length > MAX_VECTOR_LEN {
            return Err(Error::InvalidVectorLength);
        }
        Ok((length, rest))
    }

    /// Reads a length and takes that many bytes: what is inside the vector, and what is behind it.
    pub(crate) fn take(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
        let (length, rest) = read(bytes)?;
        rest.split_at_checked(length).ok_or(Error::EndOfStream)
    }

    /// Writes the length of a vector of `len` bytes.
    pub(crate) fn write<W: std::io::Write>(writer: &mut W, len: usize) -> Result<usize, Error> {
        tls_codec::vlen::write_length(writer, len)
    }

    /// How many bytes the length of a vector of `len` bytes takes.
    pub(crate) const fn size(len: usize) -> usize {
        match len {
            0..=0x3f => 1,
            0x40..=0x3fff => 2,
            _ => 4,
        }
    }
}

/// `T field<V>` for `Vec<T>` fields, by `#[tls_codec(with = "crate::codec::list")]`.
///
/// `tls_codec` has an implementation for `Vec`, but it accepts lengths of eight bytes and lets an element
/// read past the end of its vector before it notices.
pub(crate) mod list {
    use super::length;
    use std::fmt::Debug;
    use tls_codec::{DeserializeBytes, Error, Serialize, Size};

    pub(crate) fn tls_serialized_len<T: Size>(list: &Vec<T>) -> usize {
        list.tls_serialized_len()
    }

    pub(crate) fn tls_serialize<T: Serialize + Debug, W: std::io::Write>(
        list: &Vec<T>,
        writer: &mut W,
    ) -> Result<usize, Error> {
        list.tls_serialize(writer)
    }

    pub(crate) fn tls_deserialize_bytes<T: DeserializeBytes>(bytes: &[u8]) -> Result<(Vec<T>, &[u8]), Error> {
        let (mut inside, behind) = length::take(bytes)?;
        let mut list = Vec::new();
        // Every element takes at least one byte, so this ends.
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
        // Would ask for a gigabyte.
        assert_eq!(Opaque::decode(&[0xbf, 0xff, 0xff, 0xff, 1, 2, 3]), Err(DecodeError::Truncated));
        assert!(list::tls_deserialize_bytes::<u16>(&[0xbf, 0xff, 0xff, 0xff, 1, 2, 3]).is_err());
    }

    #[test]
    fn an_element_cannot_reach_beyond_its_vector() {
        // A vector of three bytes cannot hold two `u16`, even if more bytes follow.
        assert_eq!(list::tls_deserialize_bytes::<u16>(&[3, 0, 1, 0, 2]), Err(tls_codec::Error::EndOfStream));
    }
}
