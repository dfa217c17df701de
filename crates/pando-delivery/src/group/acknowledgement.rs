//! Acknowledgements: what clients say that they have stored (docs/protocol.md, section 7).

use super::caller::Caller;
use super::group_row::GroupRow;
use super::key::Key;
use super::members::check_member;
use crate::error::Refusal;
use crate::rows::{decode, encode};
use crate::store::{Snapshot, Transaction};
use pando_api::ProblemCode;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The shortest time between two stored acknowledgements of a client, in milliseconds.
const INTERVAL: u64 = 60_000;

/// The value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct AcknowledgementRow {
    seq: u64,
    time: u64,
}

/// Returns whether an acknowledgement must be stored: it is higher than the stored one, which is
/// at least a minute old.
///
/// # Errors
/// - [`ProblemCode::NotFound`] if there is no such group, or the caller is not a member.
/// - [`ProblemCode::Malformed`] if the log has no entry with this sequence number yet.
pub fn is_news(rows: &dyn Snapshot, caller: &Caller, seq: u64, now: u64) -> Result<bool, Refusal> {
    let group = GroupRow::read(rows)?;
    check_member(rows, &caller.client)?;
    if seq > group.end.seq {
        return Err(Refusal::new(ProblemCode::Malformed, "the log has no such entry"));
    }
    let Some(row) = rows.get(&Key::Acknowledged(&caller.client).encode())? else { return Ok(true) };
    let stored: AcknowledgementRow = decode(&row)?;
    // A stored time in the future means that the clock was set back.
    Ok(seq > stored.seq && now.abs_diff(stored.time) >= INTERVAL)
}

/// Stores an acknowledgement, if this is necessary.
///
/// # Errors
/// See [`is_news`].
pub fn write(rows: &mut dyn Transaction, caller: &Caller, seq: u64, now: u64) -> Result<(), Refusal> {
    if !is_news(rows, caller, seq, now)? {
        return Ok(());
    }
    let row = AcknowledgementRow { seq, time: now };
    Ok(rows.put(&Key::Acknowledged(&caller.client).encode(), &encode(&row)?)?)
}
