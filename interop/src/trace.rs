//! The trace of a run, and the report when members disagree.

use crate::run::Run;
use std::fmt;

/// A disagreement of members, or a refusal of a message that another member has made.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// The run, for repeating it.
    pub run: Run,
    /// The previous steps, one on each line.
    pub trace: Vec<String>,
    /// The members that disagree, and their values.
    pub what: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        writeln!(f, "\nafter these steps:")?;
        for (number, step) in self.trace.iter().enumerate() {
            writeln!(f, "{number:5} {step}")?;
        }
        write!(f, "\nrepeat with:\n  cargo run --release -- {}", self.run)
    }
}

/// The description of an error.
pub(crate) struct Failure(pub(crate) String);

/// A result, or the description of an error.
pub(crate) type Checked<T = ()> = Result<T, Failure>;

/// Returns an error unless a condition holds.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Failure(otherwise())) }
}
