//! Pando's benchmarks for OpenMLS and mls-rs, and a report that compares all three.
//!
//! [`library`] wraps the two libraries and Pando, and [`measure`] runs the operations. [`report`]
//! makes tables and plots of the printed measurements, which are one [`line::Line`] each.
//! `README.md` beside this crate explains each operation.

pub mod library;
pub mod line;
pub mod measure;
pub mod report;
pub mod small;
