//! Tests of the public interface of framing: valid messages are accepted, and all others are
//! rejected.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod epoch;
mod private;
mod public;
