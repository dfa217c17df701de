//! The benchmarks that Pando is judged by, for OpenMLS and mls-rs, and a report that compares all
//! three.
//!
//! [`library`] wraps the two libraries, [`measure`] runs the operations, [`report`] makes tables
//! and plots of what all have printed, one [`line::Line`] for each measurement. What each operation
//! is: `README.md` beside this crate.

pub mod library;
pub mod line;
pub mod measure;
pub mod report;
pub mod small;
