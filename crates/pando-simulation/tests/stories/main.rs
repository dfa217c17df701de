//! Stories of clients and their delivery service: each complaint of docs/simulation.md that concerns
//! the client, without a random schedule.

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
