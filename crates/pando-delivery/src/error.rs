//! Refusals: the answer to a request that is not granted.

use crate::store::StoreError;
use pando_api::{Domain, GroupAddress, Problem, ProblemCode};
use pando_mls::{DecodeError, EncodeError, GroupError, GroupId};
use std::fmt::Display;

/// The reason why a request is not granted, as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(Box<Problem>);

impl Refusal {
    /// Returns a refusal. `detail` contains no identities and no contents of messages.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// Returns the problem document.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.0
    }

    /// Returns whether the refusal has this code.
    #[must_use]
    pub fn is(&self, code: ProblemCode) -> bool {
        self.0.known_code() == Some(code)
    }

    /// Returns this refusal with changed members of its problem document.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Problem)) -> Self {
        change(&mut self.0);
        self
    }

    /// Returns the refusal of a request to a group that has a successor.
    pub(crate) fn ended(domain: &Domain, successor: &GroupId) -> Self {
        let successor = GroupAddress::new(successor, domain).map(|address| address.to_string()).ok();
        Self::new(ProblemCode::GroupEnded, "").with(|problem| problem.successor = successor)
    }

    /// Returns the refusal for a fault of the server.
    pub(crate) fn internal(error: &dyn Display) -> Self {
        Self::new(ProblemCode::Internal, error.to_string())
    }

    /// Returns the refusal for a stored row that cannot be decoded.
    pub(crate) fn corrupt(row: &str) -> Self {
        Self::new(ProblemCode::Internal, format!("stored {row} is damaged"))
    }

    /// Returns the refusal for an error of the library. `code` is the code for a message that
    /// violates a rule.
    pub(crate) fn of(error: &GroupError, code: ProblemCode) -> Self {
        match error {
            GroupError::Source(_) => Self::internal(error),
            GroupError::Missing(pando_mls::Missing::Proposal(_)) => {
                Self::new(ProblemCode::UnknownProposal, error.to_string())
            }
            GroupError::Violation(pando_mls::Violation::GroupRules(reason)) => {
                Self::new(ProblemCode::Policy, reason.clone())
            }
            _ => Self::new(code, error.to_string()),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Overloaded | StoreError::Stopped => ProblemCode::Overloaded,
            StoreError::OutcomeUnknown(_) => ProblemCode::OutcomeUnknown,
            StoreError::Limit(_) => ProblemCode::TooLarge,
            _ => ProblemCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::new(ProblemCode::Malformed, error.to_string())
    }
}

impl From<EncodeError> for Refusal {
    fn from(error: EncodeError) -> Self {
        Self::internal(&error)
    }
}
