//! Reading a blob, as a whole or in ranges (docs/protocol.md, section 14).

use super::blob_row::BlobRow;
use super::key::Key;
use super::upload::CHUNK_BYTES;
use crate::error::Refusal;
use crate::store::Snapshot;
use pando_api::ProblemCode;

const CHUNK: u64 = CHUNK_BYTES as u64;

/// The most bytes of a part.
const MAX_PART: u64 = 1 << 20;

/// A part of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPart {
    /// The number of bytes of the whole blob.
    pub bytes: u64,
    /// The expiry of the blob.
    pub expires: u64,
    /// The bytes of the part.
    pub data: Vec<u8>,
}

/// Reads at most `limit` bytes from `offset` on. A part is shorter than `limit` at the end of the
/// blob, and if `limit` is more than a mebibyte.
///
/// # Errors
/// [`ProblemCode::NotFound`] if there is no such blob, or it has expired.
pub fn read(rows: &dyn Snapshot, now: u64, offset: u64, limit: u64) -> Result<BlobPart, Refusal> {
    let corrupt = || Refusal::corrupt("blob");
    let blob = BlobRow::find(rows)?.filter(|blob| blob.expires > now);
    let BlobRow { expires, bytes, upload, .. } =
        blob.ok_or_else(|| Refusal::new(ProblemCode::NotFound, ""))?;
    let length = limit.min(MAX_PART).min(bytes.saturating_sub(offset));
    let length = usize::try_from(length).map_err(|_| corrupt())?;
    let (mut index, skip) = (offset / CHUNK, offset % CHUNK);
    let mut skip = usize::try_from(skip).map_err(|_| corrupt())?;
    let mut data = Vec::with_capacity(length);
    while data.len() < length {
        let key = Key::Chunk(upload, index.try_into().map_err(|_| corrupt())?);
        let chunk = rows.get(&key.encode())?.ok_or_else(corrupt)?;
        let part = chunk.get(skip..).filter(|part| !part.is_empty()).ok_or_else(corrupt)?;
        data.extend(part.iter().take(length.saturating_sub(data.len())));
        (index, skip) = (index.saturating_add(1), 0);
    }
    Ok(BlobPart { bytes, expires, data })
}
