//! The memberships of clients: which part of the log a client may read. The value of a row is the
//! sequence number of the entry that removed the client, or 0.

use super::key::{Key, last_number, memberships, memberships_of};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::{ClientId, ProblemCode, UserId};

/// A part of the log that a client may read: from the Commit that added the client to the Commit
/// that removed the client, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) start: u64,
    /// `None` as long as the client is a member.
    pub(crate) end: Option<u64>,
}

/// Records that the entry `seq` has added a client.
pub(crate) fn begin(rows: &mut dyn Transaction, client: &ClientId, seq: u64) -> Result<(), Refusal> {
    Ok(rows.put(&Key::Member(client, seq).encode(), &encode(&0_u64)?)?)
}

/// Records that the entry `seq` has removed a client.
pub(crate) fn end(rows: &mut dyn Transaction, client: &ClientId, seq: u64) -> Result<(), Refusal> {
    match latest(rows, client)? {
        Some(Membership { start, end: None }) => {
            Ok(rows.put(&Key::Member(client, start).encode(), &encode(&seq)?)?)
        }
        _ => Err(Refusal::corrupt("membership")),
    }
}

/// Returns the latest membership of a client.
pub(crate) fn latest(rows: &dyn Snapshot, client: &ClientId) -> Result<Option<Membership>, Refusal> {
    let Some(row) = rows.last(&memberships(client))? else { return Ok(None) };
    membership(&row.key, &row.value).map(Some)
}

/// Returns whether a client is a member.
pub(crate) fn is_member(rows: &dyn Snapshot, client: &ClientId) -> Result<bool, Refusal> {
    Ok(latest(rows, client)?.is_some_and(|membership| membership.end.is_none()))
}

/// Refuses a client that is not a member. The client does not learn whether the group exists.
pub(crate) fn check_member(rows: &dyn Snapshot, client: &ClientId) -> Result<(), Refusal> {
    if is_member(rows, client)? { Ok(()) } else { Err(Refusal::new(ProblemCode::NotFound, "")) }
}

/// Returns the membership in which a client may read the entry after `seq`: the first one that has
/// not ended by then.
pub(crate) fn readable_after(
    rows: &dyn Snapshot,
    client: &ClientId,
    seq: u64,
) -> Result<Option<Membership>, Refusal> {
    let (mut range, limit) = (memberships(client), ScanLimit::rows(100));
    loop {
        let page = rows.scan(&range, limit)?;
        for row in &page.rows {
            let membership = membership(&row.key, &row.value)?;
            if membership.end.is_none_or(|end| end > seq) {
                return Ok(Some(membership));
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(None),
        }
    }
}

/// Returns whether a client may read the entry `seq`.
pub(crate) fn may_read(rows: &dyn Snapshot, client: &ClientId, seq: u64) -> Result<bool, Refusal> {
    let membership = readable_after(rows, client, seq.saturating_sub(1))?;
    Ok(membership.is_some_and(|membership| membership.start <= seq))
}

/// Returns whether a client of a user is a member.
pub(crate) fn has_member(rows: &dyn Snapshot, user: &UserId) -> Result<bool, Refusal> {
    let (mut range, limit) = (memberships_of(user), ScanLimit::rows(100));
    loop {
        let page = rows.scan(&range, limit)?;
        for row in &page.rows {
            if membership(&row.key, &row.value)?.end.is_none() {
                return Ok(true);
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(false),
        }
    }
}

fn membership(key: &[u8], value: &[u8]) -> Result<Membership, Refusal> {
    let start = last_number(key).ok_or_else(|| Refusal::corrupt("membership"))?;
    let end: u64 = decode(value)?;
    Ok(Membership { start, end: (end != 0).then_some(end) })
}
