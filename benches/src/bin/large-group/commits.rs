//! Commits, each of which the other member who is awake processes.

use crate::measure::{Series, Session};
use pando_benches::crowd::Crowd;
use std::time::{Duration, Instant};

/// The bytes of processing, which are the same thing in any tree.
const BYTES: [&str; 2] = ["process_update_commit_storage_written", "heap_peak_during_process_update_commit"];

/// No more members are added once that and removing them has taken so long.
const LONG: Duration = Duration::from_secs(20);

/// Commits without proposals. `note` tells the tree, if it is not the one that the bytes are usually from; there is
/// none if they are not measured here.
pub(crate) fn updates(
    session: &Session,
    n: u32,
    crowd: &mut Crowd,
    ops: [&'static str; 3],
    note: Option<&str>,
) {
    if !session.wants(&ops) && (note.is_none() || !session.wants(&BYTES)) {
        return;
    }
    session.doing(n, ops[0]);
    let [mut create, mut merge, mut process] = ops.map(Series::new);
    let [mut written, mut peak] = BYTES.map(|op| Series::new(op).note(note.unwrap_or_default()));
    while create.goes_on(session) {
        let round = crowd.update();
        create.push(round.create);
        merge.push(round.merge_own);
        process.push(round.process);
        create.bytes(round.message_bytes);
        written.bytes(round.written_bytes);
        peak.bytes(round.peak_bytes);
    }
    session.report(n, [&create, &merge, &process]);
    if note.is_some() {
        session.report(n, [&written, &peak]);
    }
}

/// Somebody is added and removed again, with a path and without.
pub(crate) fn adds_and_removes(session: &Session, n: u32, crowd: &mut Crowd) {
    let add = ["add_commit_create", "process_add_commit"];
    let nopath = ["add_commit_nopath_create", "process_add_commit_nopath"];
    let remove = ["remove_commit_create", "process_remove_commit"];
    let with_path = session.wants(&add);
    // A removal needs somebody to remove.
    let without_path = session.wants(&nopath) || (!with_path && session.wants(&remove));
    if !with_path && !without_path {
        return;
    }
    session.doing(n, "adding and removing");
    let (mut add, mut nopath, mut remove) =
        (add.map(Series::new), nopath.map(Series::new), remove.map(Series::new));
    // Who is added is removed again, so that the group stays as large as it is.
    for (wanted, path, series) in [(with_path, true, &mut add), (without_path, false, &mut nopath)] {
        let start = Instant::now();
        let few = |series: &[Series; 2]| series[0].runs() < session.runs && start.elapsed() < LONG;
        while wanted && series[0].goes_on(session) && (few(series) || remove[0].goes_on(session)) {
            let (added, leaf) = crowd.add(path);
            let removed = crowd.remove(leaf);
            for (round, [create, process]) in [(added, &mut *series), (removed, &mut remove)] {
                create.push(round.create);
                create.bytes(round.message_bytes);
                process.push(round.process);
            }
        }
    }
    session.report(n, add.iter().chain(&nopath).chain(&remove));
}

/// Somebody joins by an external Commit.
pub(crate) fn external(session: &Session, n: u32, crowd: &mut Crowd) {
    let ops = ["external_commit_join", "process_external_commit"];
    if !session.wants(&ops) {
        return;
    }
    session.doing(n, ops[0]);
    let [mut join, mut process] = ops.map(Series::new);
    while join.goes_on(session) {
        let round = crowd.join_externally();
        join.push(round.create);
        join.bytes(round.message_bytes);
        process.push(round.process);
    }
    session.report(n, [&join, &process]);
}
