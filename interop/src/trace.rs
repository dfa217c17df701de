//! The trace of a run, and the report that is made when members disagree.

use crate::run::Run;
use std::fmt;

/// A disagreement between members, or the rejection of a message that another member has created.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// The parameters of the run, with which it can be repeated.
    pub run: Run,
    /// The steps that preceded the disagreement, with one step on each line.
    pub trace: Vec<String>,
    /// A description of the members that disagree and their values.
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

/// A description of an error.
pub(crate) struct Failure(pub(crate) String);

/// A result, or the description of an error.
pub(crate) type Checked<T = ()> = Result<T, Failure>;

/// Returns an error unless the condition holds.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Failure(otherwise())) }
}
