//! Why a step has failed.

use std::fmt;
use tonic::Code;

/// What has gone wrong, and with whom.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A client has answered with an error, too late, or not at all.
    Call { actor: String, client: String, rpc: &'static str, code: Code, message: String },
    /// Two who are in one epoch have different values.
    Disagreement { actor: String, other: String, what: &'static str },
    /// A value that is not what it should be.
    Wrong { actor: String, what: &'static str },
    /// A ReInit is to change the cipher suite, and the clients have no other in common.
    NoOtherSuite,
    /// The step asks for what is not there. What can be found beforehand is an error of the script.
    Missing { actor: String, what: &'static str },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { actor, client, rpc, code, message } => {
                write!(f, "{actor} ({client}): {rpc}: {code:?}: {message}")
            }
            Self::Disagreement { actor, other, what } => {
                write!(f, "{actor} and {other} are in one epoch and have different {what}")
            }
            Self::Wrong { actor, what } => write!(f, "{actor} has a wrong {what}"),
            Self::NoOtherSuite => f.write_str("the clients have no other cipher suite in common"),
            Self::Missing { actor, what } => write!(f, "{actor} has no {what}"),
        }
    }
}
