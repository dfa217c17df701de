//! Tests of the public interface of framing: valid messages are accepted, and all others are
//! rejected.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

mod private;
mod public;
mod world;
