//! Pando's benchmarks for OpenMLS and mls-rs, with a report that compares all three libraries.
//!
//! [`library`] wraps OpenMLS, mls-rs and Pando, and [`measure`] runs the operations. Each printed
//! measurement is a [`line::Line`], from which [`report`] creates tables and plots. The `README.md`
//! of this crate explains each operation.

pub mod library;
pub mod line;
pub mod measure;
pub mod report;
pub mod small;
