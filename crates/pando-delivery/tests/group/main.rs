//! Tests of the rules of a group's partition.
//!
//! The tests call the functions of the domain as the service does: read a snapshot, check, and
//! write in one transaction. The store is in memory.

#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod fixture;

mod commits;
mod creation;
mod lies;
mod log;
