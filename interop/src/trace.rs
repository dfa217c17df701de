//! What a run has done, and how it is told when members disagree.

use crate::run::Run;
use std::fmt;

/// Members disagree, or one refuses what another has made.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// The run, which can be repeated.
    pub run: Run,
    /// What happened before, a step a line.
    pub trace: Vec<String>,
    /// Who disagrees with whom about what.
    pub what: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        writeln!(f, "\nafter these steps:")?;
        for (number, step) in self.trace.iter().enumerate() {
            writeln!(f, "{number:5} {step}")?;
        }
        write!(f, "\nto be repeated by:\n  cargo run --release -- {}", self.run)
    }
}

/// What has gone wrong, told by whoever noticed.
pub(crate) struct Failure(pub(crate) String);

/// A result, or what has gone wrong.
pub(crate) type Checked<T = ()> = Result<T, Failure>;

/// Something must hold.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Failure(otherwise())) }
}
