//! The result of verifying test vectors.

use pando_crypto::{CryptoProvider, Suite};
use pando_wire::CipherSuite;
use std::collections::BTreeSet;
use std::fmt::{self, Debug, Display};

/// The result of verifying a file of test vectors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Number of cases that passed.
    pub passed: usize,
    /// Number of cases that were skipped because the backend does not support their cipher suite.
    pub skipped: usize,
    /// The cipher suites of the skipped cases.
    pub skipped_suites: BTreeSet<u16>,
    /// The cases that failed.
    pub failures: Vec<Failure>,
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The position of the test case in its file, counted from 0.
    pub case: usize,
    /// The field in which the failure was detected.
    pub field: String,
    /// Description of the failure.
    pub reason: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {}, {}: {}", self.case, self.field, self.reason)
    }
}

/// An error that prevents the verification of a file as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file is not a JSON array.
    #[error("not a JSON array: {0}")]
    NotAnArray(serde_json::Error),
    /// A test case does not have the fields that its kind requires.
    #[error("case {case} is not a {kind} case: {error}")]
    WrongCase {
        /// The position of the test case in its file, counted from 0.
        case: usize,
        /// The kind of the file.
        kind: crate::Kind,
        /// The error that describes the missing or malformed field.
        error: serde_json::Error,
    },
}

/// The reason why a test case does not pass.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The test case failed.
    Failed { field: String, reason: String },
    /// The backend does not support the test case's cipher suite.
    UnknownSuite(u16),
}

pub(crate) type Outcome = Result<(), Problem>;

/// Returns the backend's implementation of the given cipher suite.
pub(crate) fn suite(crypto: &dyn CryptoProvider, number: u16) -> Result<Suite, Problem> {
    crypto.suite(CipherSuite(number)).ok_or(Problem::UnknownSuite(number))
}

/// Returns a failure of the given field unless the condition holds.
pub(crate) fn must(field: impl Into<String>, holds: bool, otherwise: &str) -> Outcome {
    if holds { Ok(()) } else { Err(Problem::Failed { field: field.into(), reason: otherwise.into() }) }
}

/// Returns a failure of the given field unless the two byte strings are equal.
pub(crate) fn must_equal(field: impl Into<String>, computed: &[u8], expected: &[u8]) -> Outcome {
    if computed == expected {
        return Ok(());
    }
    let reason = format!("computed {}, the file says {}", hex::encode(computed), hex::encode(expected));
    Err(Problem::Failed { field: field.into(), reason })
}

/// Turns an error into a failure of a named field.
pub(crate) trait MustSucceed<T> {
    fn in_field(self, field: &str) -> Result<T, Problem>;
}

impl<T, E: Display> MustSucceed<T> for Result<T, E> {
    fn in_field(self, field: &str) -> Result<T, Problem> {
        self.map_err(|error| Problem::Failed { field: field.into(), reason: error.to_string() })
    }
}
