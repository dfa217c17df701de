//! Tests of the rules of an account's partition.
//!
//! The tests call the functions of the domain as the service does. The store is in memory.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod claims;
mod expiry;
mod fixture;
mod group_list;
mod inbox;
mod model;
mod sessions;
mod uploads;
