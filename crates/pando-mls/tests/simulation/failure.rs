//! The failures that a simulation can find.

use std::error::Error;
use std::fmt;

/// A description of a violated expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Fails with a message if a condition does not hold.
pub(crate) fn ensure(holds: bool, expected: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure(expected())) }
}

pub(crate) trait Explain<T> {
    /// Adds a description of the operation to the failure.
    fn during(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Into<Failure>> Explain<T> for Result<T, E> {
    fn during(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{}: {}", what(), error.into())))
    }
}
