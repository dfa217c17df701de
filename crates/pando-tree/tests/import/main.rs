//! Tests with forged trees and paths. Every fault is rejected with an error that names the node and
//! the violated rule. No number from the network causes a panic or a large allocation.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic fails the test"
)]

mod encoded_tree;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod hostile;
mod malformed;
mod tampering;
