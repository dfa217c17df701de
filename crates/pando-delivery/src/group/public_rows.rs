//! The rows of the public group, and the rows that bring back the ratchet trees and the
//! GroupContexts of past epochs.

use super::key::{self, Key};
use crate::error::Refusal;
use crate::store::{KeyRange, ScanLimit, Snapshot, StoreError, Transaction};
use pando_api::ProblemCode;
use pando_mls::{
    Delta, Fit, GroupContext, Position, RowKey, Rows, SecretBytes, StateRow, StoredGroup, Unpersisted,
};

/// Number of rows that are read at a time.
const ROWS: usize = 1_000;

/// Returns the position of the stored public group, or `None` if there is none.
pub(crate) fn position(rows: &dyn Snapshot) -> Result<Option<Position>, Refusal> {
    let Some(row) = rows.get(&Key::Public(RowKey::State).encode())? else { return Ok(None) };
    let row = StateRow::read(&row).ok_or_else(|| Refusal::corrupt("state of a group"))?;
    Ok(Some(row.position))
}

/// Returns the GroupContext of the current epoch.
pub(crate) fn context(rows: &dyn Snapshot) -> Result<GroupContext, Refusal> {
    let row = rows.get(&Key::Public(RowKey::Public).encode())?;
    context_in(rows, &row.ok_or_else(|| Refusal::corrupt("state of a group"))?)
}

/// Returns the GroupContext in a current or past row [`RowKey::Public`].
pub(crate) fn context_in(rows: &dyn Snapshot, public: &[u8]) -> Result<GroupContext, Refusal> {
    let state = rows.get(&Key::Public(RowKey::State).encode())?;
    let state = state.ok_or_else(|| Refusal::corrupt("state of a group"))?;
    let stored = StoredGroup::read(&state.as_slice().into(), &public.into(), None);
    Ok(stored.map_err(|error| Refusal::internal(&error))?.context)
}

/// Applies the Delta of a creation or of a proposal.
///
/// # Errors
/// See [`check`].
pub(crate) fn apply(rows: &mut dyn Transaction, delta: &Delta) -> Result<(), Refusal> {
    check(rows, delta)?;
    for (key, value) in changes(delta) {
        change(rows, None, key, value)?;
    }
    Ok(())
}

/// Checks that a Delta follows the stored rows.
///
/// # Errors
/// [`ProblemCode::EpochConflict`] if another request has changed the group in the meantime.
pub(crate) fn check(rows: &dyn Snapshot, delta: &Delta) -> Result<(), Refusal> {
    match delta.check(position(rows)?) {
        Ok(Fit::Apply) => Ok(()),
        Ok(Fit::Applied) => Err(Refusal::new(ProblemCode::EpochConflict, "the group has changed already")),
        Err(error) => Err(Refusal::new(ProblemCode::EpochConflict, error.to_string())),
    }
}

/// Returns the rows that a Delta changes, with their values. A row without a value is deleted.
pub(crate) fn changes(delta: &Delta) -> impl Iterator<Item = (RowKey, Option<&[u8]>)> {
    let written = delta.writes().map(|(key, value)| (key, Some(value)));
    written.chain(delta.deletes().map(|key| (key, None)))
}

/// Changes a row. If a Commit ends the epoch `before`, keeps the previous values of the tree and of
/// the GroupContext, so that the tree of this epoch can be brought back for joiners, and the
/// GroupContext for resets.
pub(crate) fn change(
    rows: &mut dyn Transaction,
    before: Option<u64>,
    key: RowKey,
    value: Option<&[u8]>,
) -> Result<(), Refusal> {
    let stored = Key::Public(key).encode();
    if let (Some(epoch), RowKey::Tree(_) | RowKey::Public) = (before, key) {
        keep(rows, epoch, key, &stored)?;
    }
    match value {
        Some(value) => Ok(rows.put(&stored, value)?),
        None => Ok(rows.delete(&stored)?),
    }
}

/// Keeps the value that a row has before the epoch ends. The first byte says whether there is one.
fn keep(rows: &mut dyn Transaction, epoch: u64, key: RowKey, stored: &[u8]) -> Result<(), Refusal> {
    let kept = Key::Before(epoch, key).encode();
    let value = match rows.get(stored)? {
        Some(value) => [&[1], value.as_slice()].concat(),
        None => vec![0],
    };
    Ok(rows.put(&kept, &value)?)
}

/// Takes the result of an operation apart. The transaction that appends the message stores the
/// Delta; if the transaction fails, the group in memory is dropped.
#[allow(clippy::disallowed_methods, reason = "the Delta is stored together with the message")]
pub(crate) fn split<T>(unpersisted: Unpersisted<T>) -> (T, Delta) {
    unpersisted.into_parts()
}

/// Returns a row of the public group.
pub(crate) fn row(rows: &dyn Snapshot, key: RowKey) -> Result<Option<SecretBytes>, StoreError> {
    Ok(rows.get(&Key::Public(key).encode())?.map(|row| row.as_slice().into()))
}

/// Returns the rows of the public group with keys from `first` to `last`.
pub(crate) fn range(
    rows: &dyn Snapshot,
    first: RowKey,
    last: RowKey,
) -> Result<Vec<(RowKey, SecretBytes)>, StoreError> {
    let (first, last) = (Key::Public(first).encode(), Key::Public(last).encode());
    // The key behind `last`.
    let mut left = KeyRange::between(first, [last.as_slice(), &[0]].concat());
    let mut found = Vec::new();
    loop {
        let page = rows.scan(&left, ScanLimit::rows(ROWS))?;
        for row in &page.rows {
            if let Some(key) = row.key.get(1..).and_then(RowKey::from_bytes) {
                found.push((key, row.value.as_slice().into()));
            }
        }
        match page.rows.last() {
            Some(last) if page.has_more => left = left.after(&last.key),
            _ => return Ok(found),
        }
    }
}

/// Returns the rows of the public group as they were in a past epoch. The current epoch is
/// `current`.
///
/// # Errors
/// [`ProblemCode::NotFound`] if the rows of that epoch are no longer kept.
pub(crate) fn in_epoch(rows: &dyn Snapshot, epoch: u64, current: u64) -> Result<Rows, Refusal> {
    let mut found: Rows = range(rows, RowKey::Public, RowKey::State)?.into_iter().collect();
    for past in (epoch..current).rev() {
        if rows.get(&Key::Past(past).encode())?.is_none() {
            return Err(Refusal::new(ProblemCode::NotFound, "the tree of this epoch is no longer kept"));
        }
        let mut left = key::before(past);
        loop {
            let page = rows.scan(&left, ScanLimit::rows(ROWS))?;
            for row in &page.rows {
                let key = row.key.get(9..).and_then(RowKey::from_bytes);
                let (Some(key), Some((has_value, value))) = (key, row.value.split_first()) else {
                    return Err(Refusal::corrupt("tree"));
                };
                match has_value {
                    0 => drop(found.remove(&key)),
                    _ => drop(found.insert(key, value.into())),
                }
            }
            match page.rows.last() {
                Some(last) if page.has_more => left = left.after(&last.key),
                _ => break,
            }
        }
    }
    Ok(found)
}
