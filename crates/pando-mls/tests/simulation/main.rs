//! Runs random histories of groups. Clients perform all operations that a group allows, over a
//! network that loses, repeats and reorders messages. In each epoch, all members must agree, and
//! all other clients must have none of its secrets.
//!
//! Each history is determined by a seed. If a history fails, it is shortened to a few steps, which
//! are printed.
//!
//! The environment variable `PANDO_SIMULATION_EPOCHS` sets the total number of epochs for each
//! test. `PANDO_SIMULATION_SEED` sets the seed of the first history.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod client;
mod commits;
mod content;
mod failure;
mod history;
mod joins;
mod network;
mod observer;
mod proposals;
mod random;
mod ratchets;
mod removed_members;
mod run;
mod service;
mod shrink;
mod simulation;
mod successors;

use crate::failure::{Failure, Outcome};
use crate::history::{operations, steps};
use crate::run::{nothing, run};
use crate::simulation::{Event, Parameters, Tally};
use std::collections::BTreeSet;
use std::time::Duration;

/// The time limit for shortening a failure.
const TIME: Duration = Duration::from_secs(120);

fn variable(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().expect("a number"))
}

/// Runs histories of groups of different sizes until they have had `epochs` epochs in total.
/// Returns how often each operation was performed.
fn simulate(suites: &'static [u16], sizes: &[usize], epochs: usize) -> Tally {
    let epochs = variable("PANDO_SIMULATION_EPOCHS").map_or(epochs, |epochs| epochs as usize);
    let first = variable("PANDO_SIMULATION_SEED").unwrap_or_default();
    let each = epochs.div_ceil(sizes.len()).min(100);
    let mut tally = Tally::new();
    for number in 0..epochs.div_ceil(each) {
        let seed = first + number as u64;
        let parameters = Parameters { suites, clients: sizes[number % sizes.len()], seed };
        match run(parameters, steps(seed), each, nothing) {
            Ok(counts) => counts.into_iter().for_each(|(what, count)| {
                *tally.entry(what).or_default() += count;
            }),
            Err(broken) => panic!("{}", broken.shortened(TIME, nothing)),
        }
    }
    tally
}

#[test]
fn small_groups() {
    let tally = simulate(&[1, 1, 1, 2, 3], &[4, 8, 12, 2], 3_000);
    if variable("PANDO_SIMULATION_EPOCHS").is_some() {
        return;
    }
    // Every operation must have been performed.
    for operation in operations() {
        assert!(tally.contains_key(&format!("{operation:?}")), "{operation:?}");
    }
    for what in
        ["read", "read late", "unreadable", "observed", "removed", "kept from removed members", "begun again"]
    {
        assert!(tally[what] > 10, "{what}");
    }
}

#[test]
fn large_groups() {
    simulate(&[1, 1, 3], &[64, 24, 32, 48], 1_200);
}

#[test]
fn other_fast_suites() {
    for suites in [&[2, 7, 3], &[3, 2, 7], &[7, 3, 2]] {
        simulate(suites, &[8, 12], 50);
    }
}

#[test]
fn slow_suites() {
    for suites in [&[4, 1], &[5, 1], &[6, 1]] {
        simulate(suites, &[5], 10);
    }
}

/// A made-up check that fails after three steps: a client joins, rotates its key, and is removed.
fn nobody_goes_who_has_had_a_new_key(events: &[Event]) -> Outcome {
    let mut rotated = BTreeSet::new();
    for event in events {
        match event {
            Event::Rotated(id) => drop(rotated.insert(*id)),
            Event::Removed(id) if rotated.contains(id) => return Err(Failure("a mistake".to_owned())),
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn a_failure_is_told_in_a_few_steps() {
    let parameters = Parameters { suites: &[1], clients: 6, seed: 0 };
    let watch = nobody_goes_who_has_had_a_new_key;
    let broken = run(parameters, steps(parameters.seed), usize::MAX, watch).unwrap_err();
    let length = broken.steps.len();
    let broken = broken.shortened(TIME, watch);
    assert!(broken.steps.len() <= 4 && length > 40, "{broken}");
    assert_eq!(broken.failure, Failure("a mistake".to_owned()));
    // None of the steps can be dropped, and the failure is reproducible.
    for left_out in 0..broken.steps.len() {
        let mut steps = broken.steps.clone();
        steps.remove(left_out);
        assert!(run(parameters, steps, usize::MAX, watch).is_ok(), "{broken}");
    }
    let again = run(parameters, broken.steps.clone(), usize::MAX, watch).unwrap_err();
    assert_eq!(again.to_string(), broken.to_string());
    assert!(again.to_string().contains("has a new signature key"), "{again}");
}

/// Shows that a panic in the middle of a step is reported like any other failure.
#[test]
fn a_panic_is_told_like_any_failure() {
    let parameters = Parameters { suites: &[1], clients: 2, seed: 0 };
    let broken = run(parameters, steps(0), 10, |_| std::panic::resume_unwind(Box::new("oh".to_owned())));
    let broken = broken.unwrap_err();
    assert_eq!(broken.failure, Failure("panic: oh".to_owned()));
    assert_eq!(broken.steps.len(), 1);
}
