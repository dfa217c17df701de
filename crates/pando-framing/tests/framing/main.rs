//! Tests that the public functions of this crate accept valid messages and reject all others.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod epoch;
mod private;
mod public;
