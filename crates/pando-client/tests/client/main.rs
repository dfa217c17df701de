//! Tests of the asynchronous client against the delivery service, over TLS on the loopback
//! interface. No test waits for a fixed time or measures one.

#![allow(clippy::disallowed_methods, reason = "the fixtures store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod cancellation;
#[path = "../../../pando-delivery/tests/support/clients.rs"]
#[allow(dead_code, reason = "these tests need some of the clients' requests")]
mod clients;
mod closing;
mod conversation;
mod failures;
mod membership;
mod opening;
mod restarts;
#[path = "../api/server.rs"]
#[allow(dead_code, reason = "these tests need a part of the server's functions")]
mod server;
mod transports;
mod world;
