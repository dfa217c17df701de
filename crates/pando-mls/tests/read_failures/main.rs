//! Runs every public function of an opened group while each of its reads fails, either once or
//! permanently. The result must be a read error or the same as for a group in memory, but never an
//! error that blames a peer. A failed operation must change nothing, and it must be possible to
//! repeat it. A failed operation must not use up any message key, neither for receiving nor for
//! sending.
//!
//! The same requirements apply to an opened [`PublicGroup`](pando_mls::PublicGroup).

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod fixture;
mod functions;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../scenario/group_fixture.rs"]
mod group_fixture;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../scenario/proposals.rs"]
mod make;
#[path = "../support/names.rs"]
mod names;
mod operations;
mod public_group;
mod reading;
mod store;

use fixture::{Fixture, OurGroup};
use operations::Operation;
use pando_mls::{GroupError, RowKey, Rows, TreeError};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use store::Failure;

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

type Answer = Result<String, GroupError>;

/// The observable state of a group.
#[derive(Debug, PartialEq)]
struct Snapshot {
    rows: Rows,
    epoch_authenticator: Option<Vec<u8>>,
    is_active: bool,
}

/// Reads the whole state, and checks that the stored rows equal the rows of the group.
fn snapshot(our_group: &mut OurGroup) -> Snapshot {
    our_group.store_changes();
    let mut rows = our_group.group.rows().unwrap();
    assert_eq!(our_group.rows, rows);
    // The position depends on the sequence of changes that led to these rows, which differs if an
    // operation is repeated.
    rows.remove(&RowKey::State);
    let epoch_authenticator =
        our_group.group.epoch_authenticator().map(|authenticator| authenticator.expose().to_vec());
    Snapshot { rows, epoch_authenticator, is_active: our_group.group.is_active() }
}

/// Compares two snapshots. Prints the keys of the rows that differ, but not the rows themselves.
fn assert_same(found: &Snapshot, expected: &Snapshot, what: &str) {
    if found != expected {
        let keys: BTreeSet<_> = found.rows.keys().chain(expected.rows.keys()).collect();
        let differing: Vec<_> =
            keys.into_iter().filter(|key| found.rows.get(key) != expected.rows.get(key)).collect();
        let active = (found.is_active, expected.is_active);
        panic!("{what}: rows {differing:?} differ; active: {active:?}");
    }
}

/// The answer for a group in memory, and the states before and after the operation.
///
/// The row of a pending Commit is taken from an opened group whose store works. Unlike a group in
/// memory, an opened group also deletes index entries that were never stored. Instead of this row,
/// the states after the merge are compared.
struct Expected {
    before: Snapshot,
    answer: Answer,
    after: Snapshot,
    /// The state after the pending Commit is merged, if there is one.
    merged: Option<Snapshot>,
}

impl Operation<'_> {
    /// Runs the operation on a group in memory.
    fn resident(&self, fixture: &Fixture) -> Expected {
        let mut our_group = self.our_group(fixture, false);
        let before = snapshot(&mut our_group);
        let answer = (self.run)(fixture, &mut our_group);
        assert_eq!(answer.is_err(), self.fails, "{}: {answer:?}", self.name);
        let after = snapshot(&mut our_group);
        Expected { before, answer, after, merged: merged(&mut our_group) }
    }

    /// Runs the operation on an opened group whose store works. Returns the expected answer and the
    /// number of reads.
    fn expected(&self, fixture: &Fixture) -> (Expected, usize) {
        let mut resident = self.resident(fixture);
        let mut our_group = self.our_group(fixture, true);
        let store = our_group.store.clone().unwrap();
        let before = snapshot(&mut self.our_group(fixture, true));
        let first = store.reads();
        let answer = (self.run)(fixture, &mut our_group);
        let reads = store.reads() - first;
        let after = snapshot(&mut our_group);
        let opened = Expected { before, answer, after, merged: merged(&mut our_group) };
        assert_eq!(opened.answer, resident.answer, "{}", self.name);
        for (resident, opened) in
            [(&mut resident.before, &opened.before), (&mut resident.after, &opened.after)]
        {
            if let Some(row) = opened.rows.get(&RowKey::PendingCommit) {
                resident.rows.insert(RowKey::PendingCommit, row.expose().into()).unwrap();
            }
            assert_same(opened, resident, &self.name);
        }
        match (&opened.merged, &resident.merged) {
            (Some(opened), Some(resident)) => assert_same(opened, resident, &self.name),
            (opened, resident) => assert!(opened.is_none() && resident.is_none(), "{}", self.name),
        }
        (opened, reads)
    }
}

/// Returns the state after the pending Commit is merged, if there is one.
fn merged(our_group: &mut OurGroup) -> Option<Snapshot> {
    our_group.group.pending_commit()?;
    let delta = our_group.group.merge_pending().unwrap();
    our_group.apply(&delta.into_parts().1);
    Some(snapshot(our_group))
}

/// Runs an operation while no row can be read, and checks that it tries to read none.
fn check_reads_nothing(operation: &Operation<'_>) {
    let fixture = &*FIXTURE;
    let expected = operation.resident(fixture);
    let mut our_group = operation.our_group(fixture, true);
    let store = our_group.store.clone().unwrap();
    store.fail(0..=usize::MAX, Failure::Error);
    let first = store.reads();
    assert_eq!((operation.run)(fixture, &mut our_group), expected.answer, "{}", operation.name);
    assert_eq!(store.reads(), first, "{}", operation.name);
    store.repair();
    let mut after = snapshot(&mut our_group);
    if let Some(row) = expected.after.rows.get(&RowKey::PendingCommit) {
        after.rows.insert(RowKey::PendingCommit, row.expose().into()).unwrap();
    }
    assert_same(&after, &expected.after, &operation.name);
}

fn is_read_failure(answer: &Answer) -> bool {
    matches!(answer, Err(GroupError::Source(_) | GroupError::Tree(TreeError::Stored(_))))
}

fn check(operations: &[Operation<'_>]) {
    let fixture = &*FIXTURE;
    for operation in operations {
        let (expected, reads) = operation.expected(fixture);
        assert!(reads >= operation.least_reads, "{}: {reads} reads", operation.name);
        for read in 0..reads {
            for (last, failure) in
                [(read, Failure::Error), (read, Failure::Missing), (usize::MAX, Failure::Error)]
            {
                let what = format!("{}: reads {read}..={last} of {reads}, {failure:?}", operation.name);
                let mut our_group = operation.our_group(fixture, true);
                let store = our_group.store.clone().unwrap();
                store.fail(read..=last, failure);
                let failed = (operation.run)(fixture, &mut our_group);
                assert!(is_read_failure(&failed), "{what}: {failed:?}");
                assert!(our_group.group.take_delta().delta().is_empty(), "{what}");
                if last == usize::MAX {
                    let failed = (operation.run)(fixture, &mut our_group);
                    assert!(is_read_failure(&failed), "{what}: {failed:?}");
                    store.repair();
                    assert_same(&snapshot(&mut our_group), &expected.before, &what);
                }
                assert_eq!((operation.run)(fixture, &mut our_group), expected.answer, "{what}");
                assert_same(&snapshot(&mut our_group), &expected.after, &what);
            }
        }
        // The first read of each row fails, so each attempt of the operation gets one row further.
        let mut our_group = operation.our_group(fixture, true);
        let store = our_group.store.clone().unwrap();
        store.fail_first();
        let mut attempts = (0..=reads).map(|_| (operation.run)(fixture, &mut our_group));
        let answer = attempts.find(|answer| !is_read_failure(answer));
        assert_eq!(answer.as_ref(), Some(&expected.answer), "{}", operation.name);
        store.repair();
        assert_same(&snapshot(&mut our_group), &expected.after, &operation.name);
    }
}

#[test]
fn sending_survives_read_failures() {
    check(&operations::sending(&FIXTURE));
}

#[test]
fn committing_survives_read_failures() {
    check(&operations::committing(&FIXTURE));
}

#[test]
fn receiving_survives_read_failures() {
    check(&operations::receiving(&FIXTURE));
}

#[test]
fn reading_survives_read_failures() {
    check(&reading::reading(&FIXTURE));
}

/// Shows that the key of a message is kept after a read failure, while later messages of the same
/// sender are processed.
#[test]
fn a_message_can_be_taken_after_later_ones() {
    let fixture = &*FIXTURE;
    let mut other = fixture.other(true);
    let proposals = [12, 0, 2].map(|leaf| other.propose(make::remove(leaf)));
    let mut our_group = OurGroup::new(fixture, true, true);
    let store = our_group.store.clone().unwrap();
    // The sender's leaf can be read, but the leaf that is to be removed cannot.
    for (proposal, read) in proposals.iter().zip([4, 0, 0]) {
        store.fail(read..=usize::MAX, Failure::Error);
        let failed = operations::take(fixture, &mut our_group, proposal).map(|_| String::new());
        assert!(is_read_failure(&failed), "{failed:?}");
        store.repair();
    }
    for proposal in proposals.iter().rev() {
        operations::take(fixture, &mut our_group, proposal).unwrap();
    }
    assert_eq!(our_group.group.pending_proposals().count(), proposals.len());
}
