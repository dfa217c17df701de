//! Tests of the decisions that applications and single members make. All members share the group
//! rules, but not their clocks and local policies. The tests also cover the reports on which these
//! decisions are based.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]
#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "methods of CommitBuilder are not general enough in its lifetime"
)]

mod admission;
mod authenticated_data;
mod custom_proposals;
mod expiry;
#[allow(dead_code, reason = "`one_epoch` uses more of it")]
mod fixture;
mod group_rules;
mod group_rules_of_paths;
mod leaf_changes;
mod local_policies;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../scenario/proposals.rs"]
mod make;
mod refused_and_taken_later;
