//! The inboxes of a user's clients (docs/protocol.md, section 13). An entry points to a Welcome,
//! which is in the partition of the group.
//!
//! The group's partition repeats a delivery until it knows that the delivery has succeeded. A row
//! for each delivery remains until the entry expires, so that a repetition does not bring back an
//! entry that the client has removed.
//!
//! Left out on purpose: the contents of the Welcome, and the number of entries that another user
//! may cause. The layer above reads the former and limits the latter.

use super::expiry::schedule;
use super::key::{Key, inbox_after};
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_api::{ClientId, ProblemCode};
use pando_mls::GroupId;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Number of rows that are read at a time.
const ROWS: usize = 100;

/// A pointer to the Welcome of a client.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct WelcomePointer {
    /// The group.
    pub group_id: GroupId,
    /// The sequence number of the Commit in the log of the group.
    pub group_seq: u64,
    /// The time at which the entry expires, in milliseconds since 1970.
    pub expires: u64,
}

/// An entry of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxPointer {
    /// The sequence number in the inbox.
    pub seq: u64,
    /// The pointer to the Welcome.
    pub pointer: WelcomePointer,
}

/// Adds an entry to the inbox of a client. Returns whether there is a new entry: a pointer that was
/// delivered before, or that has expired by `now`, changes nothing.
///
/// # Errors
/// [`ProblemCode::Internal`] if a row is damaged.
pub fn deliver(
    rows: &mut dyn Transaction,
    client: &ClientId,
    pointer: &WelcomePointer,
    now: u64,
) -> Result<bool, Refusal> {
    let delivered = Key::Delivered(client, pointer.group_seq, &pointer.group_id).encode();
    if pointer.expires <= now || rows.get(&delivered)?.is_some() {
        return Ok(false);
    }
    let end = Key::InboxEnd(client).encode();
    let last: u64 = rows.get(&end)?.map_or(Ok(0), |last| decode(&last))?;
    let next = last.checked_add(1).ok_or_else(|| Refusal::new(ProblemCode::Internal, "the inbox is full"))?;
    // A client asks for entries after the last one that it has seen. After a restore from a backup,
    // the last sequence number may be too low. The time is above all numbers of the past.
    let seq = next.max(now);
    let entry = Key::Inbox(client, seq).encode();
    rows.put(&end, &encode(&seq)?)?;
    rows.put(&entry, &encode(pointer)?)?;
    rows.put(&delivered, &[])?;
    schedule(rows, pointer.expires, &delivered, Some(&entry))?;
    Ok(true)
}

/// Reads the first entries of a client's inbox after the sequence number `after`, at most `limit`
/// of them. Entries that have expired by `now` are left out.
///
/// # Errors
/// [`ProblemCode::Internal`] if a row is damaged.
pub fn read(
    rows: &dyn Snapshot,
    client: &ClientId,
    (after, limit): (u64, usize),
    now: u64,
) -> Result<Vec<InboxPointer>, Refusal> {
    let mut range = inbox_after(client, after);
    let mut entries = Vec::new();
    loop {
        let page = rows.scan(&range, ScanLimit::rows(ROWS))?;
        for row in &page.rows {
            if entries.len() >= limit {
                return Ok(entries);
            }
            let (_, seq) = row.key.split_last_chunk().ok_or_else(|| Refusal::corrupt("inbox"))?;
            let pointer: WelcomePointer = decode(&row.value)?;
            if pointer.expires > now {
                entries.push(InboxPointer { seq: u64::from_be_bytes(*seq), pointer });
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => range = range.after(&last.key),
            _ => return Ok(entries),
        }
    }
}

/// Removes an entry from the inbox of a client. Does nothing if there is no such entry.
///
/// # Errors
/// [`ProblemCode::Internal`] if the row cannot be deleted.
pub fn remove(rows: &mut dyn Transaction, client: &ClientId, seq: u64) -> Result<(), Refusal> {
    Ok(rows.delete(&Key::Inbox(client, seq).encode())?)
}
