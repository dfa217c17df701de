//! The memberships of clients: which part of the log a client may read, and which leaf a client
//! has.

use super::key::{Key, all_memberships, last_number, memberships, memberships_of};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{KeyRange, ScanLimit, Snapshot, Transaction};
use pando_api::{ClientId, ProblemCode, UserId};
use pando_mls::LeafIndex;
use std::collections::BTreeSet;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A part of the log that a client may read: from the Commit that added the client to the Commit
/// that removed the client, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) start: u64,
    /// `None` as long as the client is a member.
    pub(crate) end: Option<u64>,
    /// The leaf of the client. It does not change during a membership.
    pub(crate) leaf: LeafIndex,
}

/// The value of a membership's row. The client and the start are in the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct MemberRow {
    end: Option<u64>,
    leaf: u32,
}

/// Records that the entry `seq` has added a client.
pub(crate) fn begin(
    rows: &mut dyn Transaction,
    client: &ClientId,
    leaf: LeafIndex,
    seq: u64,
) -> Result<(), Refusal> {
    let row = MemberRow { end: None, leaf: leaf.0 };
    Ok(rows.put(&Key::Member(client, seq).encode(), &encode(&row)?)?)
}

/// Records that the entry `seq` has removed a client. Does nothing if the client is no member,
/// because a Commit that was decided must not fail.
pub(crate) fn end(rows: &mut dyn Transaction, client: &ClientId, seq: u64) -> Result<(), Refusal> {
    let Some(Membership { start, leaf, .. }) = present(rows, client)? else { return Ok(()) };
    let row = MemberRow { end: Some(seq), leaf: leaf.0 };
    Ok(rows.put(&Key::Member(client, start).encode(), &encode(&row)?)?)
}

/// Returns the latest membership of a client.
pub(crate) fn latest(rows: &dyn Snapshot, client: &ClientId) -> Result<Option<Membership>, Refusal> {
    let Some(row) = rows.last(&memberships(client))? else { return Ok(None) };
    membership(&row.key, &row.value).map(Some)
}

/// Returns the membership of a client that is a member.
pub(crate) fn present(rows: &dyn Snapshot, client: &ClientId) -> Result<Option<Membership>, Refusal> {
    Ok(latest(rows, client)?.filter(|membership| membership.end.is_none()))
}

/// Returns whether a client is a member.
pub(crate) fn is_member(rows: &dyn Snapshot, client: &ClientId) -> Result<bool, Refusal> {
    Ok(present(rows, client)?.is_some())
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
    find(rows, memberships(client), |_, membership| membership.end.is_none_or(|end| end > seq))
}

/// Returns whether a client may read the entry `seq`.
pub(crate) fn may_read(rows: &dyn Snapshot, client: &ClientId, seq: u64) -> Result<bool, Refusal> {
    let membership = readable_after(rows, client, seq.saturating_sub(1))?;
    Ok(membership.is_some_and(|membership| membership.start <= seq))
}

/// Returns whether a client was a member in the epoch that the Commit `seq` has ended.
pub(crate) fn was_member_before(rows: &dyn Snapshot, client: &ClientId, seq: u64) -> Result<bool, Refusal> {
    let membership = readable_after(rows, client, seq.saturating_sub(1))?;
    Ok(membership.is_some_and(|membership| membership.start < seq))
}

/// Returns whether all members are clients of a user.
pub(crate) fn are_all_of(rows: &dyn Snapshot, user: &UserId) -> Result<bool, Refusal> {
    let (mut range, limit, own) = (all_memberships(), ScanLimit::rows(1_000), memberships_of(user));
    loop {
        let page = rows.scan(&range, limit)?;
        for row in &page.rows {
            let is_own = row.key.starts_with(own.start());
            if !is_own && membership(&row.key, &row.value)?.end.is_none() {
                return Ok(false);
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(true),
        }
    }
}

/// Returns whether a client of a user is a member.
pub(crate) fn has_member(rows: &dyn Snapshot, user: &UserId) -> Result<bool, Refusal> {
    Ok(find(rows, memberships_of(user), |_, membership| membership.end.is_none())?.is_some())
}

/// Returns whether a client of a user is a member whose client is not among these.
pub(crate) fn has_member_besides(
    rows: &dyn Snapshot,
    user: &UserId,
    others: &BTreeSet<&ClientId>,
) -> Result<bool, Refusal> {
    let is_other =
        |client: &ClientId, membership: &Membership| membership.end.is_none() && !others.contains(client);
    Ok(find(rows, memberships_of(user), is_other)?.is_some())
}

/// Returns the first membership of a range that meets a condition.
fn find(
    rows: &dyn Snapshot,
    mut range: KeyRange,
    is_wanted: impl Fn(&ClientId, &Membership) -> bool,
) -> Result<Option<Membership>, Refusal> {
    loop {
        let page = rows.scan(&range, ScanLimit::rows(100))?;
        for row in &page.rows {
            let client = client_of(&row.key).ok_or_else(|| Refusal::corrupt("membership"))?;
            let membership = membership(&row.key, &row.value)?;
            if is_wanted(&client, &membership) {
                return Ok(Some(membership));
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(None),
        }
    }
}

fn membership(key: &[u8], value: &[u8]) -> Result<Membership, Refusal> {
    let start = last_number(key).ok_or_else(|| Refusal::corrupt("membership"))?;
    let MemberRow { end, leaf } = decode(value)?;
    Ok(Membership { start, end, leaf: LeafIndex(leaf) })
}

/// Returns the client in the key of a membership.
fn client_of(key: &[u8]) -> Option<ClientId> {
    let (before, _) = key.split_last_chunk::<8>()?;
    let client = before.strip_prefix(b"m")?.strip_suffix(&[0])?;
    std::str::from_utf8(client).ok()?.parse().ok()
}
