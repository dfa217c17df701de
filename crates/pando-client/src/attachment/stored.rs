//! The chunks of a file that are stored as blobs.

use super::layout::ChunkLayout;
use pando_api::Digest;
use pando_wire::list;
use tls_codec::{DeserializeBytes, Error, TlsSerialize, TlsSize};

/// The layout of a file, and the digests of the blobs of its first chunks. There are no more
/// digests than chunks.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsSize)]
pub(super) struct StoredChunks {
    layout: ChunkLayout,
    #[tls_codec(with = "list")]
    digests: Vec<Digest>,
}

impl StoredChunks {
    /// Returns the layout of a file without stored chunks.
    pub(super) const fn new(layout: ChunkLayout) -> Self {
        Self { layout, digests: Vec::new() }
    }

    pub(super) const fn layout(&self) -> ChunkLayout {
        self.layout
    }

    /// Returns the number of stored chunks.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.digests.len()).unwrap_or(u32::MAX)
    }

    /// Returns the first chunk that is not stored, or `None` if all are.
    pub(super) fn next(&self) -> Option<u32> {
        Some(self.count()).filter(|next| *next < self.layout.chunks())
    }

    /// Returns the digest of the blob of a chunk, or `None` if the chunk is not stored.
    pub(super) fn digest(&self, chunk: u32) -> Option<&Digest> {
        self.digests.get(usize::try_from(chunk).ok()?)
    }

    /// Records the digest of the next chunk. Does nothing if all chunks are stored.
    pub(super) fn push(&mut self, digest: Digest) {
        if self.next().is_some() {
            self.digests.push(digest);
        }
    }
}

impl DeserializeBytes for StoredChunks {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (layout, rest) = ChunkLayout::tls_deserialize_bytes(bytes)?;
        let (digests, rest) = list::tls_deserialize_bytes(rest)?;
        let stored = Self { layout, digests };
        if stored.count() > layout.chunks() {
            let why = format!("{} digests of {} chunks", stored.count(), layout.chunks());
            return Err(Error::DecodingError(why));
        }
        Ok((stored, rest))
    }
}
