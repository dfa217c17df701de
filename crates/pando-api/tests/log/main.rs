//! Logs: their chain of hashes, receipts, readers, and evidence against servers.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a panic fails the test"
)]

mod equivocation;
mod fixture;
mod fork;
mod histories;
mod keys;
mod messages;
mod readers;
mod receipts;
mod restored;
