//! Tests of groups whose members use Pando, OpenMLS and mls-rs.

pub mod count;
pub mod library;
pub mod member;
pub mod operation;
pub mod replay;
pub mod run;
pub mod trace;

mod commits;
mod joins;
pub mod matrix;
mod messages;
mod plan;
mod random;
mod simulation;
pub mod table;
