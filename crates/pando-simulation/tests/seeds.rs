//! A short run of the simulation. docs/simulation.md records the long ones.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use pando_simulation::{Certificates, Fault, run_seed};
use std::collections::BTreeMap;

/// The number of simulations. `PANDO_SEEDS` sets another one.
const SEEDS: u64 = 60;

#[test]
fn no_seed_violates_an_invariant() {
    let seeds = std::env::var("PANDO_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let certificates = Certificates::issue().unwrap();
    let mut faults = BTreeMap::<Fault, u64>::new();
    for seed in 0..seeds {
        let outcome = runtime.block_on(run_seed(&certificates, seed, 600, None)).unwrap();
        assert!(outcome.violations.is_empty(), "seed {seed}: {:?}", outcome.violations);
        for (fault, count) in outcome.faults {
            let sum = faults.entry(fault).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    for fault in Fault::ALL {
        assert!(faults.contains_key(&fault), "{fault:?} has not happened");
    }
}

#[test]
fn a_seed_has_one_history() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let certificates = Certificates::issue().unwrap();
    let run = || runtime.block_on(run_seed(&certificates, 7, 600, None)).unwrap();
    let (first, second) = (run(), run());
    assert_eq!(first.faults, second.faults);
    assert_eq!(first.story, second.story);
}
