//! Keys of the rows in a blob's partition. The first byte is the kind of the row.

use crate::store::KeyRange;
use pando_api::Digest;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Returns the name of a blob's partition.
#[must_use]
pub fn partition(digest: &Digest) -> Vec<u8> {
    [&b"b/"[..], digest.as_ref()].concat()
}

/// The identifier of an upload: 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct UploadId([u8; 16]);

impl From<[u8; 16]> for UploadId {
    fn from(random: [u8; 16]) -> Self {
        Self(random)
    }
}

/// The key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// The [`BlobRow`](super::blob_row::BlobRow).
    Blob,
    /// A chunk of an upload, by its position.
    Chunk(UploadId, u32),
    /// The [`UploadRow`](super::upload_row::UploadRow) of an unfinished upload.
    Upload(UploadId),
}

impl Key {
    /// Encodes the key.
    pub(crate) fn encode(self) -> Vec<u8> {
        match self {
            Self::Blob => vec![b'a'],
            Self::Chunk(UploadId(id), index) => [&b"c"[..], &id, &index.to_be_bytes()].concat(),
            Self::Upload(UploadId(id)) => [&b"u"[..], &id].concat(),
        }
    }
}

/// Returns the keys of the chunks of an upload.
pub(crate) fn chunks(UploadId(id): UploadId) -> KeyRange {
    KeyRange::prefix([&b"c"[..], &id].concat())
}

/// Returns the keys of the unfinished uploads.
pub(crate) fn uploads() -> KeyRange {
    KeyRange::prefix(*b"u")
}

/// Returns the upload with this key.
pub(crate) fn upload(key: &[u8]) -> Option<UploadId> {
    key.get(1..)?.try_into().ok().map(UploadId)
}
