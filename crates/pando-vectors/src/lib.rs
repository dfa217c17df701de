//! The interoperability test vectors of MLS: verifies files in the official formats, and generates
//! them.
//!
//! The repository `mlswg/mls-implementations` describes the formats in its file `test-vectors.md`.
//! A file is a JSON array of cases of one [`Kind`]. The module of a kind verifies a case. Where the
//! case has private keys, it also runs the reverse direction: it encrypts, signs or protects, and
//! opens the result again.
//!
//! One kind is not official: [`Kind::Negative`] has messages that a client must reject.
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
//! This crate reads and writes no files or folders. The program `pando` does that.

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
