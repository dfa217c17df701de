//! Tests of durability. They observe, delay and fail the writes and syncs of SQLite.

#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[allow(dead_code, reason = "each program of tests uses a part of them")]
#[path = "../support/clients.rs"]
mod clients;
mod failures;
mod fixture;
mod group_commit;
mod power_cut;
mod reopening;
mod service;
#[allow(dead_code, unused_macros, unused_imports, reason = "the tests of the service use the rest")]
#[path = "../service/fixture.rs"]
mod service_fixture;
mod sync_order;
