//! Tests of valid, invalid and mutated certificate chains, and of groups whose members have
//! certificates.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod accepted;
mod anchors;
mod constraints;
mod group;
mod identities;
mod limbo;
mod mutations;
mod names;
mod pki;
mod profile;
mod refused;
mod validity;
