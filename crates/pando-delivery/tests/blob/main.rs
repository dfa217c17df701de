//! Tests of the rules of a blob's partition. The store is in memory.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod expiry;
mod fixture;
mod uploads;
