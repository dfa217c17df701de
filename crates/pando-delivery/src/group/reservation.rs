//! The reservation of an identifier for the successor of a group (RFC 9420, section 11.2).
//!
//! Before a Commit with a ReInit is written, its server reserves the identifier of the successor in
//! the partition of the successor. Otherwise, any client could take the identifier, and the group
//! would have ended without a successor. A reservation whose Commit has lost its epoch remains, and
//! does no harm, because the creator of the group has chosen the identifier at random.

use super::group_row::GroupRow;
use super::key::Key;
use crate::error::Refusal;
use crate::store::{Snapshot, Transaction};
use pando_api::ProblemCode;
use pando_mls::GroupId;

/// The lengths in bytes that the identifier of a group may have.
pub(crate) const GROUP_ID_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// Reserves the partition of a successor for the group `predecessor`.
///
/// # Errors
/// [`ProblemCode::InvalidCommit`] if there is such a group, or another group has reserved the
/// identifier.
pub fn reserve(rows: &mut dyn Transaction, predecessor: &GroupId) -> Result<(), Refusal> {
    let reserved = rows.get(&Key::Reserved.encode())?;
    if GroupRow::find(rows)?.is_some() || reserved.is_some_and(|by| by != predecessor[..]) {
        return Err(Refusal::new(ProblemCode::InvalidCommit, "the identifier of the successor is taken"));
    }
    Ok(rows.put(&Key::Reserved.encode(), predecessor)?)
}

/// Checks that a new group may take its identifier. `origin` is the group that it reinitializes.
pub(crate) fn check(rows: &dyn Snapshot, origin: Option<&GroupId>) -> Result<(), Refusal> {
    match (rows.get(&Key::Reserved.encode())?, origin) {
        (Some(by), Some(origin)) if by == origin[..] => Ok(()),
        (Some(_), _) => Err(Refusal::new(ProblemCode::GroupExists, "reserved for the successor of a group")),
        (None, _) => Ok(()),
    }
}
