//! The division of a file into chunks.

use super::error::AttachmentError;
use std::io::Write;
use std::ops::Range;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

/// The division of a file into chunks of equal length. Only the last chunk may be shorter. An empty
/// file has one empty chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLayout {
    length: u64,
    chunk_length: u32,
    chunks: u32,
}

impl ChunkLayout {
    /// The shortest length of a chunk: 1 KiB.
    pub const MIN_CHUNK_LENGTH: u32 = 1 << 10;
    /// The longest length of a chunk: 16 MiB.
    pub const MAX_CHUNK_LENGTH: u32 = 16 << 20;
    /// The largest number of chunks. An attachment with so many digests fits into a message of 1
    /// MiB, the default limit of a server, even with padding. A file of up to 256 GiB is possible.
    pub const MAX_CHUNKS: u32 = 16_384;

    /// Divides a file of `length` bytes into chunks of `chunk_length` bytes. A blob is 48 bytes
    /// longer than its chunk, and must not be above the server's limit.
    ///
    /// # Errors
    /// [`AttachmentError::ChunkLength`] and [`AttachmentError::TooManyChunks`].
    pub fn new(length: u64, chunk_length: u32) -> Result<Self, AttachmentError> {
        if !(Self::MIN_CHUNK_LENGTH..=Self::MAX_CHUNK_LENGTH).contains(&chunk_length) {
            return Err(AttachmentError::ChunkLength(chunk_length));
        }
        let chunks = length.div_ceil(chunk_length.into()).max(1);
        match u32::try_from(chunks) {
            Ok(chunks) if chunks <= Self::MAX_CHUNKS => Ok(Self { length, chunk_length, chunks }),
            _ => Err(AttachmentError::TooManyChunks { chunks, limit: Self::MAX_CHUNKS }),
        }
    }

    /// Returns the length of the file in bytes.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.length
    }

    /// Returns the length in bytes of each chunk but the last one.
    #[must_use]
    pub const fn chunk_length(self) -> u32 {
        self.chunk_length
    }

    /// Returns the number of chunks, which is at least 1.
    #[must_use]
    pub const fn chunks(self) -> u32 {
        self.chunks
    }

    /// Returns the place of a chunk in the file, or `None` if the file has no such chunk. Chunks
    /// are numbered from 0 on.
    #[must_use]
    pub fn range(self, chunk: u32) -> Option<Range<u64>> {
        if chunk >= self.chunks {
            return None;
        }
        let first = u64::from(chunk).checked_mul(self.chunk_length.into())?;
        let end = first.checked_add(self.chunk_length.into())?.min(self.length);
        Some(first..end)
    }

    /// Returns the number of bytes of a chunk.
    pub(super) fn bytes(self, chunk: u32) -> Result<u64, AttachmentError> {
        let range = self.range(chunk).ok_or(AttachmentError::NoChunk { chunk, chunks: self.chunks })?;
        Ok(range.end.saturating_sub(range.start))
    }

    /// Returns whether a chunk is the last one.
    pub(super) fn is_last(self, chunk: u32) -> bool {
        chunk.checked_add(1) == Some(self.chunks)
    }
}

/// The fields `length` and `chunk_length`.
impl Size for ChunkLayout {
    fn tls_serialized_len(&self) -> usize {
        12
    }
}

impl Serialize for ChunkLayout {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
        let length = self.length.tls_serialize(writer)?;
        Ok(length.saturating_add(self.chunk_length.tls_serialize(writer)?))
    }
}

impl DeserializeBytes for ChunkLayout {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (length, rest) = u64::tls_deserialize_bytes(bytes)?;
        let (chunk_length, rest) = u32::tls_deserialize_bytes(rest)?;
        let layout = Self::new(length, chunk_length);
        Ok((layout.map_err(|error| Error::DecodingError(error.to_string()))?, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::Decode;

    const KIB: u32 = 1_024;

    #[test]
    fn the_last_chunk_may_be_shorter() {
        for (length, ranges) in [
            (0, &[(0, 0)][..]),
            (1, &[(0, 1)][..]),
            (1_023, &[(0, 1_023)][..]),
            (1_024, &[(0, 1_024)][..]),
            (1_025, &[(0, 1_024), (1_024, 1_025)][..]),
            (2_048, &[(0, 1_024), (1_024, 2_048)][..]),
            (2_049, &[(0, 1_024), (1_024, 2_048), (2_048, 2_049)][..]),
        ] {
            let layout = ChunkLayout::new(length, KIB).unwrap();
            let found = (0..layout.chunks()).map(|chunk| layout.range(chunk).unwrap());
            let found: Vec<_> = found.map(|range| (range.start, range.end)).collect();
            assert_eq!(found, ranges);
            let last: Vec<_> = (0..layout.chunks()).filter(|chunk| layout.is_last(*chunk)).collect();
            assert_eq!(last, [layout.chunks().saturating_sub(1)]);
            for chunk in [layout.chunks(), u32::MAX] {
                assert_eq!(layout.range(chunk), None);
                assert!(!layout.is_last(chunk));
                let error = AttachmentError::NoChunk { chunk, chunks: layout.chunks() };
                assert_eq!(layout.bytes(chunk), Err(error));
            }
        }
    }

    #[test]
    fn lengths_are_limited() {
        for chunk_length in [0, 1, 1_023, 16_777_217, u32::MAX] {
            let error = AttachmentError::ChunkLength(chunk_length);
            assert_eq!(ChunkLayout::new(5, chunk_length), Err(error));
        }
        let most = 16_384 * 1_024;
        assert_eq!(ChunkLayout::new(most, KIB).unwrap().chunks(), ChunkLayout::MAX_CHUNKS);
        let largest = ChunkLayout::new(1 << 38, ChunkLayout::MAX_CHUNK_LENGTH).unwrap();
        assert_eq!(largest.range(16_383).unwrap().end, 1 << 38);
        for (length, chunks) in [(most + 1, 16_385), (u64::MAX, 1 << 54)] {
            let error = AttachmentError::TooManyChunks { chunks, limit: 16_384 };
            assert_eq!(ChunkLayout::new(length, KIB), Err(error));
        }
    }

    #[test]
    fn decoding_checks_the_lengths() {
        for (length, chunk_length) in
            [(0, KIB), (5, 16 << 20), (5, 0), (5, 1_023), (u64::MAX, KIB), (u64::MAX, u32::MAX)]
        {
            let bytes = [&length.to_be_bytes()[..], &chunk_length.to_be_bytes()].concat();
            let layout = ChunkLayout::new(length, chunk_length).ok();
            assert_eq!(ChunkLayout::decode(&bytes).ok(), layout);
            if let Some(layout) = layout {
                assert_eq!(layout.tls_serialize_detached().unwrap(), bytes);
            }
        }
    }
}
