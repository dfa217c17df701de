//! The errors of attachments.

/// Reason why a file cannot be sent or received as an attachment. Chunks are numbered from 0 on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// The length of a chunk is out of bounds.
    #[error("chunk length of {0} bytes is not between 1 KiB and 16 MiB")]
    ChunkLength(u32),
    /// The file is too long for this length of a chunk.
    #[error("file has {chunks} chunks, and at most {limit} are possible: choose longer chunks")]
    TooManyChunks {
        /// The number of chunks.
        chunks: u64,
        /// The largest number of chunks.
        limit: u32,
    },
    /// The file has no chunk with this number.
    #[error("no chunk {chunk}: the file has {chunks} chunks")]
    NoChunk {
        /// The number of the chunk.
        chunk: u32,
        /// The number of chunks.
        chunks: u32,
    },
    /// The plaintext of a chunk does not have the length that the layout requires.
    #[error("chunk {chunk} has {found} bytes instead of {expected}")]
    PlaintextLength {
        /// The number of the chunk.
        chunk: u32,
        /// The length that the layout requires.
        expected: u64,
        /// The length of the plaintext.
        found: u64,
    },
    /// A chunk of the file is not the one that was stored before the upload was interrupted.
    #[error("chunk {chunk} has changed since it was stored")]
    Changed {
        /// The number of the chunk.
        chunk: u32,
    },
    /// Chunks are recorded in another order than that of their numbers.
    #[error("chunk {chunk} cannot be recorded next after {recorded} chunks")]
    Order {
        /// The number of the chunk.
        chunk: u32,
        /// The number of chunks that are recorded.
        recorded: u32,
    },
    /// The upload is not finished.
    #[error("chunk {chunk} is not stored yet")]
    Incomplete {
        /// The number of the first chunk that is not stored.
        chunk: u32,
    },
    /// The blobs of the attachment have expired.
    #[error("attachment expired at {expires} ms since 1970")]
    Expired {
        /// The time of the expiry.
        expires: u64,
    },
    /// A blob does not have the digest in the attachment.
    #[error("blob of chunk {chunk} does not match its digest")]
    Digest {
        /// The number of the chunk.
        chunk: u32,
    },
    /// A blob does not have the length that the layout requires.
    #[error("blob of chunk {chunk} has {found} bytes instead of {expected}")]
    BlobLength {
        /// The number of the chunk.
        chunk: u32,
        /// The length that the layout requires.
        expected: u64,
        /// The length of the blob.
        found: u64,
    },
    /// A blob is not the encryption of this chunk with the key of the attachment.
    #[error("chunk {chunk} cannot be decrypted")]
    Decryption {
        /// The number of the chunk.
        chunk: u32,
    },
}
