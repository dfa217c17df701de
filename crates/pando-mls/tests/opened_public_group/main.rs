//! Compares public groups that are opened from a store with public groups in memory.
//!
//! A public group verifies neither confirmation tags nor membership tags, and decrypts nothing.
//! Therefore the messages of these tests are forged with the members' signature keys and without
//! group secrets.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod dropped_commits;
mod forger;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../scenario/group_fixture.rs"]
mod group_fixture;
mod history;
mod long_life;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../scenario/proposals.rs"]
mod make;
mod observed;
mod store;
