//! The row of an unfinished upload.

use super::key::{Key, UploadId};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Snapshot, Transaction};
use pando_api::ProblemCode;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The time in milliseconds after which an upload without progress is given up.
const TIMEOUT: u64 = 60 * 60 * 1_000;

/// An unfinished upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct UploadRow {
    /// The number of chunks that are stored.
    pub(crate) chunks: u32,
    /// The number of bytes of these chunks.
    pub(crate) bytes: u64,
    /// The time from which on the upload cannot be continued. It is 0 for an upload that was given
    /// up, some of whose chunks may be deleted, so that a clock that is set back does not revive
    /// the upload.
    pub(crate) deadline: u64,
}

impl UploadRow {
    /// The row of an upload that was given up.
    pub(crate) const GIVEN_UP: Self = Self { chunks: 0, bytes: 0, deadline: 0 };

    /// Returns the row of a new upload.
    pub(crate) const fn new(now: u64) -> Self {
        Self { chunks: 0, bytes: 0, deadline: now.saturating_add(TIMEOUT) }
    }

    /// Reads the row of an upload that can be continued.
    ///
    /// # Errors
    /// [`ProblemCode::Overloaded`] if the upload was given up.
    pub(crate) fn read(rows: &dyn Snapshot, id: UploadId, now: u64) -> Result<Self, Refusal> {
        let row = rows.get(&Key::Upload(id).encode())?;
        let row: Option<Self> = row.map(|row| decode(&row)).transpose()?;
        row.filter(|row| row.deadline > now)
            .ok_or_else(|| Refusal::new(ProblemCode::Overloaded, "the upload was given up"))
    }

    /// Records one more chunk, and extends the deadline.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if a number is too large.
    pub(crate) fn advance(self, bytes: usize, now: u64) -> Result<Self, Refusal> {
        let too_large = || Refusal::new(ProblemCode::Internal, "too many chunks");
        let bytes = u64::try_from(bytes).ok().and_then(|bytes| self.bytes.checked_add(bytes));
        let chunks = self.chunks.checked_add(1).ok_or_else(too_large)?;
        Ok(Self { chunks, bytes: bytes.ok_or_else(too_large)?, ..Self::new(now) })
    }

    /// Writes the row.
    pub(crate) fn write(&self, rows: &mut dyn Transaction, id: UploadId) -> Result<(), Refusal> {
        Ok(rows.put(&Key::Upload(id).encode(), &encode(self)?)?)
    }
}
