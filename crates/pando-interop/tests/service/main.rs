//! Tests of the service over gRPC, driven in the same way as by the harness's runner. Three
//! services run in this process, and their clients are members of the same groups.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a panic fails the test")]

mod applications;
mod commits;
mod external;
mod fixture;
mod joins;
mod keys;
mod refusals;
mod successors;
