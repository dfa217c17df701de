//! Tests of the rules of a group's partition.
//!
//! The tests call the functions of the domain as the service does: read a snapshot, check, and
//! write in one transaction. The store is in memory.

#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod branches;
#[allow(dead_code, reason = "each program of tests uses a part of them")]
#[path = "../support/clients.rs"]
mod clients;
mod commits;
mod creation;
mod fixture;
mod lies;
mod log;
mod parts;
mod reports;
mod resets;
