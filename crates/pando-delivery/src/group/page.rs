//! Reading the log.

use super::append::{EntryRow, Position};
use super::caller::Caller;
use super::group_row::GroupRow;
use super::key::{entries_after, last_number};
use super::members::readable_after;
use crate::error::Refusal;
use crate::rows::decode;
use crate::store::{ScanLimit, Snapshot};
use pando_api::{Domain, LogEntry, LogId, LogPage, ProblemCode, ServerKey};
use pando_mls::GroupId;
use pando_wire::Opaque;

/// The most entries of a page.
const MAX_ENTRIES: usize = 1_000;

/// A page of a log, without the signature of its head. [`UnsignedPage::sign`] signs it after the
/// snapshot is closed.
#[derive(Debug)]
pub struct UnsignedPage {
    log: LogId,
    previous: Opaque,
    entries: Vec<LogEntry>,
    last: Position,
    end: u64,
}

impl UnsignedPage {
    /// Reads the entries after `after` that the caller may read, with at most `bytes` bytes of
    /// rows, and at least one entry if there is one.
    ///
    /// A new member may name any entry before its own Commit, for example 0. Its page begins with
    /// the Commit that added the member.
    ///
    /// # Errors
    /// - [`ProblemCode::NotFound`] if there is no such group, or the caller is not a member and was
    ///   not one after `after`.
    /// - [`ProblemCode::Gap`] if entries after `after` are deleted.
    pub fn read(
        rows: &dyn Snapshot,
        domain: &Domain,
        group_id: &GroupId,
        caller: &Caller,
        (after, bytes): (u64, usize),
    ) -> Result<Self, Refusal> {
        let not_found = || Refusal::new(ProblemCode::NotFound, "");
        let group = GroupRow::read(rows)?;
        let membership = readable_after(rows, &caller.client, after)?.ok_or_else(not_found)?;
        let after = after.max(membership.start.saturating_sub(1)).min(group.end.seq);
        let page = rows.scan(&entries_after(after), ScanLimit { rows: MAX_ENTRIES, bytes })?;
        let mut entries = Vec::with_capacity(page.rows.len());
        let mut last = None;
        for row in page.rows {
            let seq = last_number(&row.key).ok_or_else(|| Refusal::corrupt("entry"))?;
            if membership.end.is_some_and(|end| seq > end) {
                break;
            }
            let EntryRow { incarnation, time, kind, epoch, hash, message } = decode(&row.value)?;
            last = Some(Position { incarnation, seq, time, hash });
            entries.push(LogEntry { incarnation, seq, time, kind, epoch, message });
        }
        let before = if after == 0 { None } else { EntryRow::find(rows, after)? };
        let first = entries.first().map(|entry| entry.seq);
        let is_cut =
            first.is_some_and(|first| Some(first) != after.checked_add(1)) || (after > 0 && before.is_none());
        if is_cut {
            return Err(Refusal::new(ProblemCode::Gap, "").with(|problem| problem.first = first));
        }
        let previous = before.as_ref().map(|before| before.hash.as_ref().into()).unwrap_or_default();
        let before = before.map(|before| {
            let EntryRow { incarnation, time, hash, .. } = before;
            Position { incarnation, seq: after, time, hash }
        });
        let last = last.or(before).ok_or_else(|| Refusal::corrupt("log"))?;
        let log = LogId { domain: domain.clone(), group_id: group_id.clone() };
        Ok(Self { log, previous, entries, last, end: membership.end.unwrap_or_default() })
    }

    /// Returns whether the page has no entry, so that the caller waits for one.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Signs the head of the page.
    ///
    /// # Errors
    /// [`ProblemCode::Internal`] if the head cannot be encoded.
    pub fn sign(self, key: &ServerKey) -> Result<LogPage, Refusal> {
        let Self { log, previous, entries, last, end } = self;
        let head = last.head(&log).sign(key)?;
        Ok(LogPage { previous, entries, head, end })
    }
}
