//! The reason why a step failed.

use std::fmt;
use tonic::Code;

/// A failure of a step, with the names of the actors involved.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A client returned an error, or did not respond in time.
    Call { actor: String, client: String, rpc: &'static str, code: Code, message: String },
    /// Two actors in the same epoch reported different values.
    Disagreement { actor: String, other: String, what: &'static str },
    /// An actor returned a wrong value.
    Wrong { actor: String, what: &'static str },
    /// A ReInit must change the cipher suite, but the clients have no other suite in common.
    NoOtherSuite,
    /// The step needs an object that does not exist. Missing objects that can be detected before
    /// the run are reported as errors of the script instead.
    Missing { actor: String, what: &'static str },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { actor, client, rpc, code, message } => {
                write!(f, "{actor} ({client}): {rpc}: {code:?}: {message}")
            }
            Self::Disagreement { actor, other, what } => {
                write!(f, "{actor} and {other} are in the same epoch but have different {what}")
            }
            Self::Wrong { actor, what } => write!(f, "{actor} has a wrong {what}"),
            Self::NoOtherSuite => f.write_str("the clients have no other cipher suite in common"),
            Self::Missing { actor, what } => write!(f, "{actor} has no {what}"),
        }
    }
}
