//! The groups in which a client of the user is a member (docs/protocol.md, section 10, `GET
//! /groups`).
//!
//! The partitions of the groups decide about memberships. This list is a copy for the search, and
//! may be behind.
//!
//! Left out on purpose: the epoch and the sequence number of a group, which are in the partition of
//! the group.

use super::key::{Key, members_after, read_member};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::ClientId;
use pando_mls::GroupId;

/// Number of rows that are read at a time.
const ROWS: usize = 100;

/// The membership of a client in a group after a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The sequence number of the entry that changed the membership.
    pub seq: u64,
    /// Whether the client is a member after the entry. A Commit that removes a client and adds it
    /// again leaves it a member.
    pub is_member: bool,
}

/// A group with the clients of the user that are members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMembers {
    /// The group.
    pub group_id: GroupId,
    /// The members, sorted. There is at least one.
    pub clients: Vec<ClientId>,
}

/// Groups of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<GroupMembers>,
    /// Whether there are further groups. The next page is that after the last group.
    pub has_more: bool,
}

/// Records the membership of a client after a log entry. Does nothing if the membership after this
/// entry or a later one is recorded already, so changes may be copied repeatedly and in any order.
///
/// # Errors
/// [`ProblemCode::Internal`](pando_api::ProblemCode::Internal) if a row is damaged.
pub fn set_membership(
    rows: &mut dyn Transaction,
    group_id: &GroupId,
    client: &ClientId,
    membership: Membership,
) -> Result<(), Refusal> {
    // An ended membership is remembered by a row that `list` does not read.
    let (member, ended) = (Key::Member(group_id, client).encode(), Key::Ended(group_id, client).encode());
    for key in [&member, &ended] {
        if let Some(seq) = rows.get(key)?
            && membership.seq <= decode(&seq)?
        {
            return Ok(());
        }
    }
    let (now, before) = if membership.is_member { (member, ended) } else { (ended, member) };
    rows.delete(&before)?;
    Ok(rows.put(&now, &encode(&membership.seq)?)?)
}

/// Reads the groups after the group `after`, at most `limit` of them. The groups are in an order of
/// their own.
///
/// # Errors
/// [`ProblemCode::Internal`](pando_api::ProblemCode::Internal) if a row is damaged.
pub fn list(rows: &dyn Snapshot, after: Option<&GroupId>, limit: usize) -> Result<GroupPage, Refusal> {
    let mut range = members_after(after);
    let mut groups: Vec<GroupMembers> = Vec::new();
    loop {
        let page = rows.scan(&range, ScanLimit::rows(ROWS))?;
        for row in &page.rows {
            let (group_id, client) = read_member(&row.key).ok_or_else(|| Refusal::corrupt("membership"))?;
            let full = groups.len() >= limit;
            match groups.last_mut() {
                Some(last) if last.group_id == group_id => last.clients.push(client),
                _ if full => return Ok(GroupPage { groups, has_more: true }),
                _ => groups.push(GroupMembers { group_id, clients: vec![client] }),
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(GroupPage { groups, has_more: false }),
        }
    }
}
