//! Clients as processes with stores on the disk, which talk to a server over TLS and are killed at
//! arbitrary times.
//!
//! The test starts itself again as the clients. A client tells its parent about each operation,
//! message and event on its standard output, and acknowledges events when the parent has them: the
//! parent is the user and the application. `PANDO_KILLS` sets the number of kills. The gate's is
//! small; docs/simulation.md records longer runs.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod client;
mod parent;
mod server;

/// The variable with the name of a client, in the environment of a client.
const CLIENT: &str = "PANDO_KILLED_CLIENT";

/// The clients.
const CLIENTS: [&str; 3] = ["alice@example.org/laptop", "alice@example.org/phone", "bob@example.org/laptop"];

fn main() {
    match std::env::var(CLIENT) {
        Ok(name) => client::run(&name),
        Err(_) => parent::run(std::env::var("PANDO_KILLS").map_or(30, |kills| kills.parse().unwrap())),
    }
}
