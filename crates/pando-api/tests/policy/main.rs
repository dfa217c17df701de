//! The policy of a group, as members, committers, external joiners and servers evaluate it.

#![allow(clippy::disallowed_methods, reason = "nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod admins;
mod changes;
mod creation;
mod external_commits;
mod fixture;
mod leaves;
mod outsiders;
#[allow(dead_code, reason = "the tests of pando-x509 use all of it")]
#[path = "../../../pando-x509/tests/chains/pki.rs"]
mod pki;
mod proposals;
mod senders;
mod witnesses;
