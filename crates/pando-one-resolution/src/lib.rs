//! Third-party crates with all features that the programs of the workspace need, so that each crate
//! is compiled only once instead of once for each program.
//!
//! This crate contains no code: the dependencies and the reasons for them are in `Cargo.toml`. The
//! library does not depend on this crate, because an application chooses the features of its own
//! dependencies.
