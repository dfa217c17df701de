//! Trees and paths that somebody has tampered with: whatever is wrong is refused, with an error that names the
//! node and the rule, and no number from the wire makes anything panic or allocate.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, a panic is a failure and that is all"
)]

mod fixtures;
mod hostile;
mod malformed;
mod specimen;
mod tampering;
