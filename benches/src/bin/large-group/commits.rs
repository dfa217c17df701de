//! Measures Commits, each of which the active receiver processes.

use crate::measure::{Series, Session};
use pando_benches::large_group::LargeGroup;
use std::time::{Duration, Instant};

/// Time limit for the measurements that add and remove members.
const LONG: Duration = Duration::from_secs(20);

/// The names of the measurements of a Commit without proposals: the times of creating, merging and
/// processing it, and two sizes that belong to the processing.
pub(crate) type Updates = [&'static str; 5];

/// The measurements of Commits without proposals in the fresh tree.
pub(crate) const UPDATES: Updates = [
    "update_commit_create",
    "update_commit_merge_own",
    "process_update_commit",
    "process_update_commit_storage_written",
    "heap_peak_during_process_update_commit",
];

/// The measurements of Commits without proposals in the warm tree.
pub(crate) const WARM_UPDATES: Updates = [
    "update_commit_warm_create",
    "update_commit_warm_merge_own",
    "process_update_commit_warm",
    "process_update_commit_warm_storage_written",
    "heap_peak_during_process_update_commit_warm",
];

/// The names of the measurements of Commits that add or remove a member: creating and processing
/// each of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changes {
    add: [&'static str; 2],
    /// The Commit that adds a member without a path; `None` if this would only repeat an earlier
    /// measurement.
    nopath: Option<[&'static str; 2]>,
    remove: [&'static str; 2],
}

/// The measurements of additions and removals in the fresh tree.
pub(crate) const CHANGES: Changes = Changes {
    add: ["add_commit_create", "process_add_commit"],
    nopath: Some(["add_commit_nopath_create", "process_add_commit_nopath"]),
    remove: ["remove_commit_create", "process_remove_commit"],
};

/// The measurements of additions and removals in the warm tree.
pub(crate) const WARM_CHANGES: Changes = Changes {
    add: ["add_commit_warm_create", "process_add_commit_warm"],
    nopath: None,
    remove: ["remove_commit_warm_create", "process_remove_commit_warm"],
};

/// Measures Commits without proposals.
pub(crate) fn updates(session: &Session, n: u32, large_group: &mut LargeGroup, ops: Updates) {
    if !session.wants(&ops) {
        return;
    }
    session.doing(n, ops[0]);
    let [mut create, mut merge, mut process, mut written, mut peak] = ops.map(Series::new);
    while create.goes_on(session) {
        let round = large_group.update();
        create.push(round.create);
        merge.push(round.merge_own);
        process.push(round.process);
        create.bytes(round.message_bytes);
        written.bytes(round.written_bytes);
        peak.bytes(round.peak_bytes);
    }
    session.report(n, [&create, &merge, &process, &written, &peak]);
}

/// Repeatedly adds and removes a member, with and without a path.
pub(crate) fn adds_and_removes(session: &Session, n: u32, large_group: &mut LargeGroup, ops: Changes) {
    let Changes { add, nopath, remove } = ops;
    let with_path = session.wants(&add) || (nopath.is_none() && session.wants(&remove));
    // A member must be added before it can be removed.
    let without_path =
        nopath.is_some_and(|nopath| session.wants(&nopath) || (!with_path && session.wants(&remove)));
    if !with_path && !without_path {
        return;
    }
    session.doing(n, "adding and removing");
    let (mut add, mut nopath, mut remove) =
        (add.map(Series::new), nopath.unwrap_or(add).map(Series::new), remove.map(Series::new));
    // Each added member is removed again, so that the size of the group stays the same.
    for (wanted, path, series) in [(with_path, true, &mut add), (without_path, false, &mut nopath)] {
        let start = Instant::now();
        let few = |series: &[Series; 2]| series[0].runs() < session.runs && start.elapsed() < LONG;
        while wanted && series[0].goes_on(session) && (few(series) || remove[0].goes_on(session)) {
            let (added, leaf) = large_group.add(path);
            let removed = large_group.remove(leaf);
            for (round, [create, process]) in [(added, &mut *series), (removed, &mut remove)] {
                create.push(round.create);
                create.bytes(round.message_bytes);
                process.push(round.process);
            }
        }
    }
    session.report(n, add.iter().chain(&nopath).chain(&remove));
}

/// Measures joining by an external Commit.
pub(crate) fn external(session: &Session, n: u32, large_group: &mut LargeGroup) {
    let ops = ["external_commit_join", "process_external_commit"];
    if !session.wants(&ops) {
        return;
    }
    session.doing(n, ops[0]);
    let [mut join, mut process] = ops.map(Series::new);
    while join.goes_on(session) {
        let round = large_group.join_externally();
        join.push(round.create);
        join.bytes(round.message_bytes);
        process.push(round.process);
    }
    session.report(n, [&join, &process]);
}
