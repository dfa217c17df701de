//! The reason for which a step has failed.

use std::fmt;
use tonic::Code;

/// A failure of a step, with the actors concerned.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A client returned an error, or no response in time.
    Call { actor: String, client: String, rpc: &'static str, code: Code, message: String },
    /// Two actors in the same epoch have different values.
    Disagreement { actor: String, other: String, what: &'static str },
    /// A wrong value.
    Wrong { actor: String, what: &'static str },
    /// A ReInit must change the cipher suite, and the clients support no other common suite.
    NoOtherSuite,
    /// The step needs an object that does not exist. Errors that can be found before the run are
    /// errors of the script.
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
