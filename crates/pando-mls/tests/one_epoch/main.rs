//! Runs a long history of one group. The members share the group rules, but their clocks differ by
//! years, and their local policies differ as well. Nevertheless, the members must stay in one
//! epoch, as must a server that follows them without secrets.
//!
//! The server puts the accepted messages in order. Each member processes them in this order, at its
//! own pace.
//!
//! - `PANDO_ONE_EPOCH_COMMITS` sets the number of Commits (default: 1,000).
//! - `PANDO_ONE_EPOCH_SEED` sets the seed of the history (default: 17).

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[allow(dead_code, reason = "the tests of policies use more of it")]
#[path = "../policies/fixture.rs"]
mod fixture;
mod history;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../scenario/proposals.rs"]
mod make;
mod operations;
mod rules_and_clocks;

use crate::history::{Deviation, Fork, History};
use crate::rules_and_clocks::{Faulty, OwnClock};

fn variable(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

#[test]
fn members_stay_in_one_epoch() {
    let commits = variable("PANDO_ONE_EPOCH_COMMITS").unwrap_or(1_000);
    let seed = variable("PANDO_ONE_EPOCH_SEED").unwrap_or(17);
    println!("seed {seed}");
    let mut history = History::new(seed, Deviation::default());
    if let Err(Fork(reason)) = history.run(commits) {
        panic!("seed {seed}, after {} Commits: {reason}", history.commits);
    }
    println!("{:#?}", history.tally);
    // Events of every kind must have occurred.
    if commits >= 1_000 {
        for what in [
            "added by value",
            "asked to be added",
            "admitted",
            "asked in vain",
            "added a leaf that is expired for a member",
            "joined from outside",
            "came back from outside",
            "held",
            "merged although expired",
            "our own clock refused",
            "our own rules refused",
            "lost a race",
            "refused by all",
            "withdrew",
            "withdrew what came later",
            "committed an unknown proposal",
            "left out",
            "left out by the rules",
            "read",
            "removed",
            "restarted",
            "updated",
            "wanted to leave",
        ] {
            let count = history.tally.get(what).copied().unwrap_or_default();
            assert!(count >= 5, "{what}: {count}");
        }
    }
}

/// Shows that the history detects a member that uses its own clock to validate Commits.
#[test]
fn a_clock_in_the_validity_of_commits_divides_the_group() {
    let mut history = History::new(1, Deviation { policy: Some((2, &OwnClock)), ..Deviation::default() });
    let Fork(reason) = history.run(1_000).unwrap_err();
    assert!(reason.contains("expired"), "{reason}");
    assert!(history.commits < 500, "{}", history.commits);
}

/// Shows that the history detects a member with different rules.
#[test]
fn a_member_with_other_rules_divides_the_group() {
    let mut history = History::new(2, Deviation { rules: Some((2, &Faulty)), ..Deviation::default() });
    let Fork(reason) = history.run(1_000).unwrap_err();
    assert!(reason.contains("rules"), "{reason}");
    assert!(history.commits < 500, "{}", history.commits);
}
