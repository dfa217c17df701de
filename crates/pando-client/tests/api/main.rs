//! Tests of the client against the delivery service, over TLS on the loopback interface, with real
//! MLS clients. All times are those of clocks that the tests set.

#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod altered;
mod answers;
#[path = "../../../pando-delivery/tests/support/clients.rs"]
#[allow(dead_code, reason = "these tests need some of the clients' requests")]
mod clients;
mod connections;
mod cut;
mod logins;
mod operations;
mod problems;
mod renewals;
mod server;
mod world;
