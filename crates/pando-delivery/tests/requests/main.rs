//! Tests of all requests of docs/protocol.md: a recording in which every operation succeeds, and
//! each of its requests altered in many ways.
//!
//! The requests go through the real router and service, without sockets. The store is in memory and
//! records whether a request has changed it. The module `story` is the script of the recording;
//! `bodies`, `targets` and `authentication` alter its requests; `replays` repeats and reorders
//! them; the other tests reach the problem codes and answers that these do not.

#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod authentication;
mod bodies;
mod claims;
#[path = "../support/clients.rs"]
#[allow(dead_code, reason = "these tests need some of the clients' requests")]
mod clients;
mod codes;
mod conflicts;
mod external_commits;
mod faults;
mod opaque;
mod operations;
mod outcome;
mod recorder;
mod replays;
mod requests;
mod server;
mod sessions;
mod specification;
mod store;
mod story;
mod targets;
mod violations;
mod world;
