//! Verifies and generates the interoperability test vectors of MLS, in the official file formats.
//!
//! The repository `mlswg/mls-implementations` describes the formats in its file `test-vectors.md`.
//! A file is a JSON array of test cases of one [`Kind`]. Each kind has a module that verifies its
//! cases. If a case contains private keys, the module also tests the reverse direction: it
//! encrypts, signs or protects the contents, and opens the result again.
//!
//! One kind is not official: [`Kind::Negative`] contains messages that a client must reject.
//! `test-vectors/negative/README.md` describes its format.
//!
//! ```
//! use pando_crypto::RustCrypto;
//! use pando_vectors::{Kind, generate, verify};
//!
//! let file = generate(Kind::PskSecret, Some(1), 42)?;
//! let report = verify(Kind::PskSecret, &RustCrypto, &file, &mut |_, _| {})?;
//! assert_eq!((report.passed > 0, report.failures.len(), report.skipped), (true, 0, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Left out on purpose
//!
//! This crate does not read or write files. The program `pando` does that.

mod group_tree;
mod hex_bytes;
mod kind;
mod kinds;
mod private_keys;
mod random;
mod report;
mod run;

pub use kind::Kind;
pub use report::{Failure, InputError, Report};
pub use run::{GenerateError, generate, verify};
