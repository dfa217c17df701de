//! The expiry of rows. An index by time has a row for each row that expires, and the due time of
//! the partition is the first time in the index.

use super::key::{Key, expiries, read_expiry};
use crate::error::Refusal;
use crate::store::{ScanLimit, Transaction};

/// The latest time that a due time can have.
const LATEST: u64 = u64::MAX >> 1;

/// Deletes rows that have expired by `now`, in milliseconds since 1970: at most `limit` of them,
/// with the rows that depend on them. Sets the due time of the partition to the next expiry.
///
/// # Errors
/// [`ProblemCode::Internal`](pando_api::ProblemCode::Internal) if a row is damaged.
pub fn expire(rows: &mut dyn Transaction, now: u64, limit: usize) -> Result<(), Refusal> {
    let page = rows.scan(&expiries(), ScanLimit::rows(limit.saturating_add(1)))?;
    let mut next = None;
    for (deleted, row) in page.rows.iter().enumerate() {
        let (at, key) = read_expiry(&row.key).ok_or_else(|| Refusal::corrupt("expiry"))?;
        if at > now || deleted == limit {
            next = Some(at);
            break;
        }
        rows.delete(key)?;
        if !row.value.is_empty() {
            rows.delete(&row.value)?;
        }
        rows.delete(&row.key)?;
    }
    Ok(rows.set_due(next)?)
}

/// Records that the row with the key `key` expires at a time, and with it the row with the key
/// `dependent`, if there is one. A row may be deleted before it expires.
pub(crate) fn schedule(
    rows: &mut dyn Transaction,
    at: u64,
    key: &[u8],
    dependent: Option<&[u8]>,
) -> Result<(), Refusal> {
    let at = at.min(LATEST);
    rows.put(&Key::Expiry(at, key).encode(), dependent.unwrap_or_default())?;
    if rows.due()?.is_none_or(|due| at < due) {
        rows.set_due(Some(at))?;
    }
    Ok(())
}
