//! Runs the fuzz targets for groups (`fuzz/`) on inputs that fuzzing has found. These inputs are
//! kept in `fuzz/kept`.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "a panic fails the test; the fuzz targets are a package of their own"
)]

#[path = "../../../../fuzz/src/group_fixture.rs"]
mod group_fixture;
#[path = "../../../../fuzz/src/honest_messages.rs"]
mod honest_messages;
#[path = "../../../../fuzz/src/insider.rs"]
mod insider;
#[path = "../../../../fuzz/src/join.rs"]
mod join;
#[path = "../support/names.rs"]
mod names;
#[path = "../../../../fuzz/src/operations.rs"]
mod operations;
#[path = "../../../../fuzz/src/process_message.rs"]
mod process_message;
#[path = "../../../../fuzz/src/public_group.rs"]
mod public_group;
#[path = "../../../../fuzz/src/script.rs"]
mod script;
#[path = "../support/secrets.rs"]
mod secrets;

// The simulation, which is needed by targets that choose its histories.
#[path = "../simulation/client.rs"]
mod client;
#[path = "../simulation/commits.rs"]
mod commits;
#[path = "../simulation/content.rs"]
mod content;
#[path = "../simulation/failure.rs"]
mod failure;
#[path = "../simulation/history.rs"]
mod history;
#[path = "../simulation/joins.rs"]
mod joins;
#[path = "../simulation/network.rs"]
mod network;
#[path = "../simulation/observer.rs"]
mod observer;
#[path = "../simulation/proposals.rs"]
mod proposals;
#[path = "../simulation/random.rs"]
mod random;
#[path = "../simulation/ratchets.rs"]
mod ratchets;
#[path = "../simulation/removed_members.rs"]
mod removed_members;
#[path = "../simulation/run.rs"]
mod run;
#[path = "../simulation/service.rs"]
mod service;
#[path = "../simulation/shrink.rs"]
mod shrink;
#[path = "../simulation/simulation.rs"]
mod simulation;
#[path = "../simulation/successors.rs"]
mod successors;

use std::fs;
use std::path::Path;

/// Runs a target on all inputs that are kept for it. Each line contains one input in hexadecimal
/// digits.
fn runs(target: &str, run: fn(&[u8])) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/kept").join(target);
    let text = fs::read_to_string(file).unwrap();
    assert!(text.len() < 100_000 && text.lines().count() >= 10, "{target}");
    for line in text.lines() {
        let digits: Vec<_> = line.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
        let bytes: Vec<_> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        run(&bytes);
    }
}

#[test]
fn process_message() {
    runs("process_message", process_message::process_message);
}

#[test]
fn operations() {
    runs("operations", operations::operations);
}

#[test]
fn join() {
    runs("join", join::join);
}

#[test]
fn public_group() {
    runs("public_group", public_group::public_group);
}

/// Runs all targets on inputs that are too short to be the beginning of a valid input.
#[test]
fn short_inputs() {
    for target in [process_message::process_message, join::join, public_group::public_group] {
        target(&[]);
        (0..=u8::MAX).step_by(3).for_each(|byte| target(&[byte]));
    }
    operations::operations(&[]);
}
