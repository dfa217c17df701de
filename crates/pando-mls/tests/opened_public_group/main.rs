//! Public groups that are opened from a store, compared with public groups in memory.
//!
//! A public group does not verify confirmation tags and membership tags, and decrypts nothing. So the messages here are
//! forged: they need the signature keys of the members, and no group secrets.

#![allow(clippy::disallowed_methods, reason = "the Deltas are looked at, or nothing is stored")]
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
mod history;
mod long_life;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../scenario/proposals.rs"]
mod make;
mod observed;
mod store;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../scenario/world.rs"]
mod world;
