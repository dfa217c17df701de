//! Tests of requests over HTTP and TLS.
//!
//! The tests of connections and requests use sockets on the loopback interface. All times are
//! arguments or those of a clock that the tests set.

#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod authentication;
mod blobs;
mod client;
#[path = "../support/clients.rs"]
#[allow(dead_code, reason = "these tests need some of the clients' requests")]
mod clients;
mod connections;
mod errors;
mod fixture;
mod groups;
mod login;
mod online;
mod sessions;
mod vectors;
