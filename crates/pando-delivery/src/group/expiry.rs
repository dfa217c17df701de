//! Deleting Welcomes and the states of past epochs (docs/protocol.md, sections 13 and 15), and
//! parts of Commits that were never decided.
//!
//! A Welcome expires some time after its Commit, and the state of an epoch at the same time after
//! the epoch has ended. So the tree of an epoch is kept for at least as long as the Welcomes of the
//! Commit that began the epoch.
//!
//! # Left out on purpose
//!
//! Log entries. How long they are kept is decided together with the quotas.

use super::append::EntryRow;
use super::key::{self, Key, past_epoch};
use super::parts;
use super::public_rows::context_in;
use crate::error::Refusal;
use crate::store::{ScanLimit, Snapshot, Transaction};
use pando_mls::RowKey;

/// Deletes rows that have expired by `now`, at most about `limit` of them. `lifetime` is in
/// milliseconds, like all times. Returns the time of the next expiry. If this time is not after
/// `now`, the caller calls the function again.
///
/// # Errors
/// [`ProblemCode::Internal`](pando_api::ProblemCode::Internal) if a row is damaged.
pub fn expire(
    rows: &mut dyn Transaction,
    now: u64,
    lifetime: u64,
    limit: usize,
) -> Result<Option<u64>, Refusal> {
    let epoch = first_epoch(rows, lifetime)?;
    if let Some((epoch, at)) = epoch
        && at <= now
    {
        delete_epoch(rows, epoch, limit)?;
        return Ok(Some(at));
    }
    let welcome = first_welcome(rows, lifetime)?;
    if let Some((seq, at)) = welcome
        && at <= now
    {
        if !rows.delete_range(&key::joiners(seq), limit)? {
            rows.delete(&Key::Welcome(seq).encode())?;
        }
        return Ok(Some(at));
    }
    let parts = parts::first_expiry(rows)?;
    if let Some((id, at)) = parts
        && at <= now
    {
        parts::expire(rows, id, limit)?;
        return Ok(Some(at));
    }
    let times = [epoch.map(|(_, at)| at), welcome.map(|(_, at)| at), parts.map(|(_, at)| at)];
    Ok(times.into_iter().flatten().min())
}

/// Returns the earliest past epoch, and the time at which it expires.
fn first_epoch(rows: &dyn Snapshot, lifetime: u64) -> Result<Option<(u64, u64)>, Refusal> {
    let page = rows.scan(&key::past_epochs(), ScanLimit::rows(1))?;
    let Some(row) = page.rows.first() else { return Ok(None) };
    let epoch = past_epoch(&row.key).ok_or_else(|| Refusal::corrupt("past epoch"))?;
    let is_marker = row.key == Key::Past(epoch).encode();
    let seq = row.value.as_slice().try_into().map(u64::from_be_bytes);
    match seq {
        Ok(seq) if is_marker => Ok(Some((epoch, expiry(rows, seq, lifetime)?))),
        // The epoch has been deleted in part.
        _ => Ok(Some((epoch, 0))),
    }
}

/// Returns the Commit of the earliest Welcome, and the time at which the Welcome expires.
fn first_welcome(rows: &dyn Snapshot, lifetime: u64) -> Result<Option<(u64, u64)>, Refusal> {
    let page = rows.scan(&key::welcomes(), ScanLimit::rows(1))?;
    let Some(row) = page.rows.first() else { return Ok(None) };
    let seq = key::last_number(&row.key).ok_or_else(|| Refusal::corrupt("Welcome"))?;
    Ok(Some((seq, expiry(rows, seq, lifetime)?)))
}

/// Returns the expiry of what began with the entry `seq`.
fn expiry(rows: &dyn Snapshot, seq: u64, lifetime: u64) -> Result<u64, Refusal> {
    let time = EntryRow::find(rows, seq)?.map_or(0, |entry| entry.time);
    Ok(time.saturating_add(lifetime))
}

/// Deletes the state of a past epoch, and the reports about the Commit that ended it. The marker of
/// the epoch is deleted first, so that no request reads a state that has been deleted in part.
fn delete_epoch(rows: &mut dyn Transaction, epoch: u64, limit: usize) -> Result<(), Refusal> {
    let marker = Key::Past(epoch).encode();
    if let Some(seq) = rows.get(&marker)? {
        let seq = seq.as_slice().try_into().map_err(|_| Refusal::corrupt("past epoch"))?;
        // At most one report of each member at that time.
        while rows.delete_range(&key::reports_about(u64::from_be_bytes(seq)), limit)? {}
        let public = rows.get(&Key::Before(epoch, RowKey::Public).encode())?;
        if let Some((_, public)) = public.as_deref().and_then(<[u8]>::split_first) {
            let tree = Key::Tree(&context_in(rows, public)?.tree_hash).encode();
            // A later epoch may have the same tree.
            if rows.get(&tree)? == Some(epoch.to_be_bytes().to_vec()) {
                rows.delete(&tree)?;
            }
        }
        rows.delete(&marker)?;
    }
    rows.delete_range(&key::before(epoch), limit)?;
    Ok(())
}
