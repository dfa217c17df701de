//! Tests of sessions through their public API.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure_for_method_calls,
    clippy::unwrap_used,
    reason = "a panic fails the test; some methods are not general enough"
)]

mod application_errors;
mod at_a_server;
mod events;
mod events_of_proposals;
#[cfg(feature = "sqlite")]
mod examples;
mod external_joins;
mod fixture;
mod forged_messages;
mod held_and_rejected;
mod local_policy;
mod restarts;
mod several_groups;
mod simulation;
mod threads;
mod welcomes;
