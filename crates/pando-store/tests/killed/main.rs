//! A process with three clients is killed repeatedly at arbitrary points, and each time continues
//! from its stores. No acknowledged message may be lost, and each message must be decrypted exactly
//! once. No replaced or deleted secret may come back, and no Commit may stay pending. Finally, all
//! clients must agree.
//!
//! The third client is removed and added again. The third client also joins with external Commits,
//! both as a member and after a removal. Some of the external Commits are accepted, and others lose
//! a race.
//!
//! In half of the runs, the process ends itself at a failpoint, before or after a read, a write or
//! a commit of the store. In the other half, the process is killed from outside at an arbitrary
//! time. `PANDO_KILLS` sets the number of kills, which is 40 by default:
//!
//! ```sh
//! PANDO_KILLS=1000 cargo test --release -p pando-store --test killed
//! ```

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod client;
mod delivery;
mod victim;

use rand_core::Rng;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, thread};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--victim") => victim::live(&arguments[1], &arguments[2], &arguments[3]),
        // Ignore filters that are meant for other tests.
        Some(filter) if !filter.starts_with('-') && !"killed".contains(filter) => {}
        Some("--list") => println!("killed: test"),
        _ => kill_and_check(),
    }
}

/// The exit code of a process that `abort` has ended on Windows.
const FAIL_FAST: i32 = 0xC000_0409_u32.cast_signed();

fn kill_and_check() {
    let wanted: u32 = env::var("PANDO_KILLS").map_or(40, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let mut rng = fixtures::rng(u64::from(wanted));
    let (mut kills, mut by_itself, mut lives) = (0, 0, 0_u64);
    while kills < wanted {
        lives += 1;
        let from_outside = rng.next_u32().is_multiple_of(2);
        let countdown = if from_outside { 0 } else { 1 + rng.next_u32() % 1_500 };
        let mut victim = start(folder, lives, &countdown.to_string());
        if from_outside {
            thread::sleep(Duration::from_millis(u64::from(10 + rng.next_u32() % 150)));
            victim.kill().unwrap();
        }
        let output = victim.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            // The process was ended by a signal.
            None => {
                kills += 1;
                by_itself += u32::from(!from_outside);
            }
            // On Windows, this is the exit code of `Child::kill` or of `abort`.
            Some(code) if cfg!(windows) && code == if from_outside { 1 } else { FAIL_FAST } => {
                kills += 1;
                by_itself += u32::from(!from_outside);
            }
            Some(0) => {}
            Some(code) => panic!("life {lives} ended with {code}:\n{stderr}"),
        }
    }
    let output = start(folder, lives + 1, "finish").wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the last life:\n{stderr}");
    println!("{kills} kills, {by_itself} of them at a failpoint, in {lives} lives: {stdout}");
}

fn start(folder: &str, seed: u64, countdown: &str) -> std::process::Child {
    Command::new(env::current_exe().unwrap())
        .args(["--victim", folder, &seed.to_string(), countdown])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
