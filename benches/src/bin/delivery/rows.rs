//! The rows that a message and a warm Commit write.

use crate::population::Population;
use crate::recording::{Change, ChangeKind, Detail};
use crate::server::Server;
use crate::table::{Durations, kilobytes};
use std::collections::BTreeMap;
use std::time::Instant;

/// The most bytes of derived state that a warm Commit writes.
const DERIVED: usize = 16 << 10;

/// The rows and bytes that a message writes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MessageRows {
    new: usize,
    rewritten: usize,
    deleted: usize,
    bytes: usize,
}

impl MessageRows {
    /// Returns a cell of the table.
    pub(crate) fn cell(&self) -> String {
        let Self { new, rewritten, bytes, .. } = self;
        format!("{new} written, {rewritten} rewritten, {bytes} B")
    }
}

/// Measures what a message of 32 bytes writes.
pub(crate) async fn message(server: &Server, group: &mut Population) -> MessageRows {
    let message = group.creator.encrypt(&[0; 32]);
    server.service.store().record(Detail::Changes);
    group.creator.seq = server.send(&group.creator, message).await.head.head.seq;
    let changes = server.recorded_one(&group.creator).changes;
    let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
    MessageRows {
        new: count(ChangeKind::New),
        rewritten: count(ChangeKind::Rewritten),
        deleted: count(ChangeKind::Deleted),
        bytes: changes.iter().map(|change| change.bytes).sum(),
    }
}

/// The bytes that the largest of several warm Commits writes.
#[derive(Debug)]
pub(crate) struct CommitRows {
    pub(crate) derived: usize,
    entry: usize,
    group_info: usize,
    /// The rows and bytes of the derived state, by the first byte of the key.
    kinds: BTreeMap<Option<u8>, (usize, usize)>,
    /// The time from the request to the receipt.
    pub(crate) durations: Durations,
}

impl CommitRows {
    /// Returns a cell of the table.
    pub(crate) fn cell(&self) -> String {
        let Self { derived, entry, group_info, .. } = self;
        let [derived, entry, info] = [*derived, *entry, *group_info].map(kilobytes);
        format!("{derived}; entry {entry}, GroupInfo {info}")
    }

    /// Returns the rows and bytes of the derived state by their kind.
    pub(crate) fn kinds(&self) -> String {
        let kind = |(kind, (rows, bytes)): (&Option<u8>, &(usize, usize))| {
            let name = kind.map_or("due time".to_owned(), |kind| char::from(kind).to_string());
            format!("{name}: {rows} rows, {bytes} B")
        };
        self.kinds.iter().map(kind).collect::<Vec<_>>().join("; ")
    }
}

/// Measures Commits without proposals of the creator, whose copath is filled. Returns the Commit
/// with the most derived state.
pub(crate) async fn commits(server: &Server, group: &mut Population, count: u32) -> CommitRows {
    let (mut largest, mut durations) = (None::<CommitRows>, Durations::default());
    for _ in 0..count {
        let request = group.creator.commit(Vec::new());
        server.service.store().record(Detail::Changes);
        let began = Instant::now();
        server.submit(&mut group.creator, request).await;
        durations.push(began.elapsed());
        let rows = CommitRows::of(&server.recorded_one(&group.creator).changes);
        if largest.as_ref().is_none_or(|largest| rows.derived > largest.derived) {
            largest = Some(rows);
        }
    }
    let rows = CommitRows { durations, ..largest.unwrap() };
    assert!(rows.derived <= DERIVED, "a warm Commit writes {} bytes: {}", rows.derived, rows.kinds());
    rows
}

impl CommitRows {
    fn of(changes: &[Change]) -> Self {
        let (mut entry, mut group_info, mut kinds) = (0, 0, BTreeMap::<_, (usize, usize)>::new());
        for Change { key, bytes, .. } in changes {
            match key.first() {
                Some(b'e') => entry += bytes,
                Some(b'i') => group_info += bytes,
                kind => {
                    let (count, sum) = kinds.entry(kind.copied()).or_default();
                    (*count, *sum) = (*count + 1, *sum + bytes);
                }
            }
        }
        assert!(entry > 0 && group_info > 0, "the keys of rows have changed");
        let derived = kinds.values().map(|(_, bytes)| bytes).sum();
        Self { derived, entry, group_info, kinds, durations: Durations::default() }
    }
}
