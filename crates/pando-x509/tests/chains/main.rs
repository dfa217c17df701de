//! Chains of certificates: good ones, bad ones and changed ones.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

mod accepted;
mod anchors;
mod mutations;
mod names;
mod pki;
mod refused;
