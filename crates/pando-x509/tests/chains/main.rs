//! Chains of certificates: good ones, bad ones, changed ones, and a group of people who have some.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

mod accepted;
mod anchors;
mod constraints;
mod group;
mod identities;
mod mutations;
mod names;
mod pki;
mod profile;
mod refused;
mod validity;
