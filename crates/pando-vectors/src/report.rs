//! What came out of a verification.

use pando_crypto::{CryptoProvider, Suite};
use pando_wire::CipherSuite;
use std::collections::BTreeSet;
use std::fmt::{self, Debug, Display};

/// What came out of verifying a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many cases hold.
    pub passed: usize,
    /// How many cases have a cipher suite that the backend does not have.
    pub skipped: usize,
    /// The cipher suites of those cases.
    pub skipped_suites: BTreeSet<u16>,
    /// The cases that do not hold.
    pub failures: Vec<Failure>,
}

/// A case that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The position of the case in its file, from 0.
    pub case: usize,
    /// The field in which it was noticed.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {}, {}: {}", self.case, self.field, self.reason)
    }
}

/// Why a file cannot be verified at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It is not a JSON array.
    #[error("not a JSON array: {0}")]
    NotAnArray(serde_json::Error),
    /// A case does not have the fields that the kind asks for.
    #[error("case {case} is not a {kind} case: {error}")]
    WrongCase {
        /// The position of the case in its file, from 0.
        case: usize,
        /// The kind of the file.
        kind: crate::Kind,
        /// What is missing or malformed.
        error: serde_json::Error,
    },
}

/// Why a case does not pass.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It does not hold.
    Failed { field: String, reason: String },
    /// It has this cipher suite, which the backend does not have.
    UnknownSuite(u16),
}

pub(crate) type Outcome = Result<(), Problem>;

/// The backend's implementation of the cipher suite that a case names.
pub(crate) fn suite(crypto: &dyn CryptoProvider, number: u16) -> Result<Suite, Problem> {
    crypto.suite(CipherSuite(number)).ok_or(Problem::UnknownSuite(number))
}

/// Says that something must hold.
pub(crate) fn must(field: impl Into<String>, holds: bool, otherwise: &str) -> Outcome {
    if holds { Ok(()) } else { Err(Problem::Failed { field: field.into(), reason: otherwise.into() }) }
}

/// Says that two byte strings must be equal.
pub(crate) fn must_equal(field: impl Into<String>, computed: &[u8], expected: &[u8]) -> Outcome {
    if computed == expected {
        return Ok(());
    }
    let reason = format!("computed {}, the file says {}", hex::encode(computed), hex::encode(expected));
    Err(Problem::Failed { field: field.into(), reason })
}

/// Says that something must succeed.
pub(crate) trait MustSucceed<T> {
    fn in_field(self, field: &str) -> Result<T, Problem>;
}

impl<T, E: Display> MustSucceed<T> for Result<T, E> {
    fn in_field(self, field: &str) -> Result<T, Problem> {
        self.map_err(|error| Problem::Failed { field: field.into(), reason: error.to_string() })
    }
}
