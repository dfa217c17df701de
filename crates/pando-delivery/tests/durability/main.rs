//! Tests of durability. They observe, delay and fail the writes and syncs of SQLite.

#![cfg(target_os = "linux")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod failures;
mod fixture;
mod group_commit;
mod power_cut;
mod reopening;
mod sync_order;
