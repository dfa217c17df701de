//! Stories of clients and their delivery service: each complaint of docs/simulation.md that
//! concerns the client, without a random schedule.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod creation;
mod echoes;
mod fixture;
mod key_packages;
mod kills;
mod leaves;
mod local_operations;
mod missed_commits;
mod own_messages;
mod races;
mod rejoining;
mod turns;
mod welcomes;
