//! The interoperability test vectors of MLS: verify files of the official formats, and generate them.
//!
//! The formats are described in the repository `mlswg/mls-implementations`, file `test-vectors.md`. A file
//! is a JSON array of cases of one [`Kind`]. Each kind is a module that says what must hold for a case,
//! and, where a case has private keys, also does the reverse: encrypts, signs or protects and opens again.
//!
//! One kind is not official: [`Kind::Negative`], what must be refused. `test-vectors/negative/README.md` describes it.
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
//! Files and folders: that is the program's part.

mod grove;
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
