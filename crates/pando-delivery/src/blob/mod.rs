//! The partition of a blob: encrypted content that clients store by its digest (docs/protocol.md,
//! section 14).
//!
//! A body is written in chunks, each in a small transaction of its own. Each upload has an
//! identifier and chunks of its own, so uploads of the same digest do not disturb each other. The
//! blob becomes visible in the last transaction of an upload, after [`Upload::finish`] has verified
//! the digest and the length. Until then, the partition only contains chunks that no request reads.
//!
//! 1. [`UploadRequest::begin`] begins an upload, unless the blob is stored already.
//! 2. [`Upload::append`] takes the body in pieces, and returns each [`Chunk`] that is full.
//! 3. [`CheckedUpload::write`] makes the blob visible, and [`read`] reads parts of it.
//! 4. [`expire`] deletes expired blobs and uploads in small steps.
//!
//! All functions here are pure: they take rows, bytes, the time and randomness, and neither read a
//! clock nor wait.
//!
//! # Left out on purpose
//!
//! Quotas. The layer above knows the client, and limits the bytes that it stores.

mod blob_row;
mod expiry;
mod key;
mod read;
mod upload;
mod upload_row;

pub use expiry::{delete, expire};
pub use key::{UploadId, partition};
pub use read::{BlobPart, read};
pub use upload::{BlobLimits, CheckedUpload, Chunk, Upload, UploadRequest};
