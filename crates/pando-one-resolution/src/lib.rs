//! Third-party crates with the features that the programs of the workspace need together, so that
//! they are compiled once and not once for each program. There is no code here: the dependencies
//! and the reasons are in `Cargo.toml`. The library does not depend on this crate, because an
//! application chooses the features of its dependencies.
