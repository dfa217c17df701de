//! Checks the texts of the repository: the links between documents, and the widths of documents and
//! comments.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

mod files;
mod links;
mod widths;
