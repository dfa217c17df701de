//! This test runs the sessions of three clients in one process, and kills the process at a write of
//! their stores. Each run selects another write. The process is started again, killed a second
//! time, and completes the remaining steps after its third start. Each step checks in the store
//! whether it is already done. In the end, each client has read each message exactly once, and all
//! clients agree.
//!
//! The steps come from the examples `chat` and `first`. One run for every write would take minutes,
//! so by default the test selects only some of the writes. `PANDO_STEP=1` selects all of them:
//!
//! ```sh
//! PANDO_STEP=1 cargo test --release -p pando-store --test killed_sessions
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod server;
mod story;

use pando_store::FAILPOINTS;
use std::env;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio, abort};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--live") => live(Path::new(&arguments[1]), arguments[2].parse().unwrap()),
        // Filters that are meant for other tests are ignored.
        Some(filter) if !filter.starts_with('-') && !"killed_sessions".contains(filter) => {}
        Some("--list") => println!("killed_sessions: test"),
        _ => drill(),
    }
}

/// Kills the process of new clients at every `PANDO_STEP`th write, one write in each run.
fn drill() {
    let step: usize = env::var("PANDO_STEP").map_or(53, |step| step.parse().unwrap());
    let writes: u32 =
        in_a_folder(|folder| String::from_utf8(finish(folder).stdout).unwrap().trim().parse().unwrap());
    assert!(writes > 300, "{writes}");
    let (mut runs, mut again) = (0, 0);
    for countdown in (1..=writes).step_by(step) {
        in_a_folder(|folder| {
            let first = start(folder, countdown);
            assert!(is_killed(first.status), "write {countdown}: {first:?}");
            let second = start(folder, countdown.div_ceil(2));
            assert!(second.status.success() || is_killed(second.status), "write {countdown}: {second:?}");
            again += u32::from(is_killed(second.status));
            finish(folder);
        });
        runs += 1;
    }
    println!("killed at {runs} of {writes} writes, and {again} times once more");
}

fn in_a_folder<T>(run: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path())
}

/// Runs a process to its end. The output contains the number of its writes.
fn finish(folder: &Path) -> Output {
    let output = start(folder, 0);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Runs a process that is killed at the write number `countdown`, or not at all if `countdown` is
/// 0.
fn start(folder: &Path, countdown: u32) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg("--live").arg(folder).arg(countdown.to_string());
    command.stdin(Stdio::null()).output().unwrap()
}

/// Returns whether `abort` has ended a process, either by a signal or, on Windows, with the exit
/// code `FAIL_FAST`.
fn is_killed(status: ExitStatus) -> bool {
    const FAIL_FAST: i32 = 0xC000_0409_u32.cast_signed();
    status.code().is_none() || (cfg!(windows) && status.code() == Some(FAIL_FAST))
}

/// Continues the steps until the process is killed, and prints the number of writes.
fn live(folder: &Path, countdown: u32) {
    let writes = Arc::new(AtomicU32::new(0));
    for point in FAILPOINTS.into_iter().filter(|point| !matches!(*point, "store::get" | "store::scan")) {
        let writes = Arc::clone(&writes);
        let count = move || {
            if writes.fetch_add(1, Ordering::Relaxed) + 1 == countdown {
                abort();
            }
        };
        fail::cfg_callback(point, count).unwrap();
    }
    story::live(folder);
    println!("{}", writes.load(Ordering::Relaxed));
}
