//! Random histories of groups: clients that do all that a group allows, over a network that loses, repeats and mixes
//! up messages. After each epoch, those who are in it must agree, and those who are not must know nothing.
//!
//! Each history follows from a seed. When one fails, it is shortened to a few steps, and these are printed.
//!
//! - `PANDO_SIMULATION_EPOCHS` is how many epochs each test runs through, in all its histories.
//! - `PANDO_SIMULATION_SEED` is the seed of the first history.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

mod commits;
mod content;
mod device;
mod dice;
mod failure;
mod ghosts;
mod history;
mod joins;
mod network;
mod observer;
mod proposals;
mod ratchets;
mod run;
mod service;
mod shrink;
mod successors;
mod world;

use crate::failure::{Failure, Outcome};
use crate::history::{operations, steps};
use crate::run::{Broken, nothing, run};
use crate::world::{Event, Setting, Tally};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a failure may be shortened.
const TIME: Duration = Duration::from_secs(120);

fn variable(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().expect("a number"))
}

/// Runs histories of groups of different sizes, until there were so many epochs. Returns how often what was done.
fn simulate(suites: &'static [u16], sizes: &[usize], epochs: usize) -> Tally {
    let epochs = variable("PANDO_SIMULATION_EPOCHS").map_or(epochs, |epochs| epochs as usize);
    let first = variable("PANDO_SIMULATION_SEED").unwrap_or_default();
    let each = epochs.div_ceil(sizes.len()).min(100);
    let mut tally = Tally::new();
    for number in 0..epochs.div_ceil(each) {
        let seed = first + number as u64;
        let setting = Setting { suites, clients: sizes[number % sizes.len()], seed };
        match run(setting, steps(seed), each, nothing) {
            Ok(counts) => counts.into_iter().for_each(|(what, count)| {
                *tally.entry(what).or_default() += count;
            }),
            Err(broken) => panic!("{}", broken.shortened(TIME, nothing)),
        }
    }
    tally
}

#[test]
fn the_first_suite() {
    let tally = simulate(&[1, 1, 1, 2, 3], &[4, 8, 12, 16, 24, 64, 2, 32], 2_000);
    println!("{tally:#?}");
    // Nothing was left out.
    for operation in operations() {
        assert!(tally.contains_key(&format!("{operation:?}")), "{operation:?}");
    }
    for what in ["read", "read late", "unreadable", "observed", "removed", "kept from ghosts", "begun again"]
    {
        assert!(tally.contains_key(what), "{what}");
    }
}

#[test]
fn other_fast_suites() {
    for suites in [&[2, 7, 3], &[3, 2, 7], &[7, 3, 2]] {
        simulate(suites, &[8, 12], 30);
    }
}

#[test]
fn slow_suites() {
    for suites in [&[4, 1], &[5, 1], &[6, 1]] {
        simulate(suites, &[5], 8);
    }
}

/// Nobody is removed who has rotated its key: which is not so, sooner or later.
fn the_rotated_stay(events: &[Event]) -> Outcome {
    let mut rotated = BTreeSet::new();
    for event in events {
        match event {
            Event::Rotated(id) => drop(rotated.insert(*id)),
            Event::Removed(id) if rotated.contains(id) => {
                return Err(Failure(format!("client {id} is gone")));
            }
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn a_failure_is_shortened() {
    let first_failure = |seed| {
        let setting = Setting { suites: &[1], clients: 6, seed };
        run(setting, steps(seed), 100, the_rotated_stay).err()
    };
    let broken: Box<Broken> = (0..20).find_map(first_failure).expect("a history with a removal");
    let (long, seed) = (broken.steps.len(), broken.setting.seed);
    let broken = broken.shortened(TIME, the_rotated_stay);
    assert!(the_rotated_stay(&broken.events).is_err());
    assert!(broken.steps.len() < long && broken.steps.len() <= 15, "{broken}");
    // What is printed has the seed and the steps that are left.
    let printed = broken.to_string();
    assert!(printed.contains(&format!("seed: {seed}")) && printed.contains("is gone"), "{printed}");
}
