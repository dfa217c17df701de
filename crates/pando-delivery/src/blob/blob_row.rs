//! The row that makes a blob visible, and remembers the blob after its deletion (docs/protocol.md,
//! section 6.2).

use super::key::{Key, UploadId};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Snapshot, Transaction};
use pando_api::{Blob, ProblemCode};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A stored blob. The row stays until `requested`, also if the server deletes the blob earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct BlobRow {
    /// The expiry that the client has requested.
    pub(crate) requested: u64,
    /// The time from which on the blob is not served, at most `requested`.
    pub(crate) expires: u64,
    /// The number of bytes.
    pub(crate) bytes: u64,
    /// The upload that has the chunks of the blob.
    pub(crate) upload: UploadId,
}

impl BlobRow {
    /// Reads the row, if there is a blob, or was one.
    pub(crate) fn find(rows: &dyn Snapshot) -> Result<Option<Self>, Refusal> {
        let row = rows.get(&Key::Blob.encode())?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Writes the row.
    pub(crate) fn write(&self, rows: &mut dyn Transaction) -> Result<(), Refusal> {
        Ok(rows.put(&Key::Blob.encode(), &encode(self)?)?)
    }

    /// Returns the answer to a repeated upload.
    ///
    /// # Errors
    /// [`ProblemCode::IdempotencyConflict`] if `requested` is another expiry than that of the first
    /// request.
    pub(crate) fn repeat(&self, requested: u64) -> Result<Blob, Refusal> {
        if requested == self.requested {
            Ok(Blob { expires: self.expires, bytes: self.bytes })
        } else {
            Err(Refusal::new(ProblemCode::IdempotencyConflict, "the blob has another expiry"))
        }
    }
}
