//! Tests with invalid messages. For each rule of the RFC that a peer can break, a test breaks only
//! that rule. The receivers must reject the message because of that rule, and must not change their
//! state.

#![allow(clippy::disallowed_methods, reason = "the test reads the Deltas, or nothing is stored")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod commits;
mod confirmed_commits;
mod encrypted;
mod extensions;
mod external;
mod fixture;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../scenario/group_fixture.rs"]
mod group_fixture;
mod honest;
mod joins;
mod key_package;
mod leaf_node;
#[allow(dead_code, reason = "the scenarios use more of it")]
#[path = "../scenario/proposals.rs"]
mod make;
mod makers;
mod material;
mod order;
mod proposal_list;
mod proposals;
mod raw_member;
mod repeated;
mod required_grease;
mod selection;
mod successors;
mod unfollowable;
mod unlisted_suite;
mod wire;
