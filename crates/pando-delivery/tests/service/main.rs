//! Tests of the service: the invariants of the delivery service, on one SQLite file and on eight.
//!
//! The clients are real members with certificates. They call the service as the HTTP layer does.

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
mod creation;
#[allow(dead_code, reason = "the tests of durability use the rest")]
mod fixture;
mod hostile;
mod inbox;
mod interrupted;
mod invariants;
mod key_packages;
mod racing;
mod removals;
mod revocations;
