//! Deleting blobs and unfinished uploads (docs/protocol.md, sections 6.2 and 14).

use super::blob_row::BlobRow;
use super::key::{Key, UploadId, chunks, upload, uploads};
use super::upload_row::UploadRow;
use crate::error::Refusal;
use crate::rows::decode;
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::ProblemCode;

/// The latest time that a due time can have.
const LATEST: u64 = u64::MAX >> 1;

/// Deletes a blob before its expiry. The digest stays known until the expiry that the client has
/// requested, so that a repeated request does not store the blob again.
///
/// # Errors
/// [`ProblemCode::NotFound`] if there is no such blob, or it has expired.
pub fn delete(rows: &mut dyn Transaction, now: u64) -> Result<(), Refusal> {
    let blob = BlobRow::find(rows)?.filter(|blob| blob.expires > now);
    let blob = blob.ok_or_else(|| Refusal::new(ProblemCode::NotFound, ""))?;
    BlobRow { expires: now, ..blob }.write(rows)?;
    hasten(rows, now)
}

/// Deletes at most `limit` chunks of an expired blob or of an upload that took too long. Sets the
/// due time of the partition, and returns whether it is not after `now`, so that the caller
/// continues.
///
/// # Errors
/// [`ProblemCode::Internal`] if a row is damaged.
pub fn expire(rows: &mut dyn Transaction, now: u64, limit: usize) -> Result<bool, Refusal> {
    let blob = remembered(rows, now)?;
    if let Some((id, _)) = unfinished(rows)?.into_iter().find(|(_, row)| row.deadline <= now) {
        if rows.delete_range(&chunks(id), limit)? {
            UploadRow::GIVEN_UP.write(rows, id)?;
        } else {
            rows.delete(&Key::Upload(id).encode())?;
        }
    } else if let Some(blob) = blob.filter(|blob| blob.expires <= now) {
        rows.delete_range(&chunks(blob.upload), limit)?;
    }
    let due = next(rows)?;
    rows.set_due(due)?;
    Ok(due.is_some_and(|due| due <= now))
}

/// Returns the blob, unless the expiry that the client has requested is past. Then, the blob is
/// forgotten, and its chunks become those of an upload that was given up.
pub(crate) fn remembered(rows: &mut dyn Transaction, now: u64) -> Result<Option<BlobRow>, Refusal> {
    let blob = BlobRow::find(rows)?;
    if let Some(BlobRow { upload, .. }) = blob.filter(|blob| blob.requested <= now) {
        UploadRow::GIVEN_UP.write(rows, upload)?;
        rows.delete(&Key::Blob.encode())?;
        hasten(rows, now)?;
        return Ok(None);
    }
    Ok(blob)
}

/// Sets the due time of the partition to `at`, unless the partition is due earlier.
pub(crate) fn hasten(rows: &mut dyn Transaction, at: u64) -> Result<(), Refusal> {
    let due = rows.due()?.map_or(at, |due| due.min(at));
    Ok(rows.set_due(Some(due.min(LATEST)))?)
}

/// Returns the time at which the next row expires.
fn next(rows: &dyn Snapshot) -> Result<Option<u64>, Refusal> {
    let blob = match BlobRow::find(rows)? {
        None => None,
        Some(blob) => {
            let has_chunks = !rows.scan(&chunks(blob.upload), ScanLimit::rows(1))?.rows.is_empty();
            Some(if has_chunks { blob.expires } else { blob.requested })
        }
    };
    let deadlines = unfinished(rows)?.into_iter().map(|(_, row)| row.deadline);
    Ok(deadlines.chain(blob).min().map(|at| at.min(LATEST)))
}

/// Returns the unfinished uploads. Their number is limited.
fn unfinished(rows: &dyn Snapshot) -> Result<Vec<(UploadId, UploadRow)>, Refusal> {
    let page = rows.scan(&uploads(), ScanLimit::rows(1_000))?;
    let uploads = page.rows.into_iter().map(|row| {
        let id = upload(&row.key).ok_or_else(|| Refusal::corrupt("upload"))?;
        Ok((id, decode(&row.value)?))
    });
    uploads.collect()
}
