//! Stories about hostile servers, members, thieves and former members.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod altered_logs;
mod fixture;
mod forger;
mod forks;
mod insider_commits;
mod insider_messages;
mod invented_heads;
mod lies;
mod rejoins;
mod removed_client;
mod rogue;
mod server_keys;
mod thief;
mod welcomes;
mod withheld;
