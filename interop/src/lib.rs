//! Tests of groups with members of Pando, OpenMLS and mls-rs.

pub mod count;
pub mod library;
pub mod member;
pub mod operation;
pub mod replay;
pub mod run;
pub mod trace;

mod commits;
mod dice;
mod joins;
mod letters;
pub mod matrix;
mod plan;
pub mod table;
mod world;
