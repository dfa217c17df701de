//! Groups as applications use them: stories of clients that come, change things, and go.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

mod commits;
mod conflicts;
mod external;
mod members;
mod messages;
mod mutations;
mod observers;
mod outside;
mod rules;
mod successors;
mod world;
