//! The errors of operations (docs/protocol.md, section 4).

use crate::transport::TransportError;
use pando_api::{EntryError, EnvelopeError, HeadError, Problem, ProblemCode, ReceiptError};
use std::fmt;
use std::time::Duration;

/// Reason why an operation has no result.
///
/// [`CallError::may_have_taken_effect`] says whether a mutation must be repeated unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server refuses the request.
    #[error(transparent)]
    Problem(Box<Refusal>),
    /// The request may have been sent, but there is no complete answer. A mutation must be repeated
    /// unchanged.
    #[error("the request may have taken effect: {0}")]
    OutcomeUnknown(String),
    /// The request was not sent.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// The answer violates the protocol.
    #[error("answer of the server: {0}")]
    BadAnswer(#[from] BadAnswer),
    /// The request or the answer is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The login failed, so the request was not sent.
    #[error("login: {0}")]
    Login(#[from] LoginFailure),
    /// The operation cannot be encoded, so it was not sent. The same operation always fails.
    #[error("the operation cannot be encoded: {0}")]
    Unencodable(String),
}

impl CallError {
    /// Returns whether the server may have performed the operation. If not, the operation has had
    /// no effect.
    #[must_use]
    pub fn may_have_taken_effect(&self) -> bool {
        match self {
            Self::Problem(refusal) => refusal.may_have_taken_effect(),
            Self::OutcomeUnknown(_) | Self::BadAnswer(_) => true,
            Self::TooLarge(too_large) => matches!(too_large, TooLarge::Answer { .. }),
            Self::NotSent(_) | Self::Login(_) | Self::Unencodable(_) => false,
        }
    }

    /// Returns the code of the server's problem document, if the server refuses the request and
    /// this version of the protocol has the code.
    #[must_use]
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Problem(refusal) => refusal.problem.known_code(),
            _ => None,
        }
    }
}

/// The server's refusal of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The problem document.
    pub problem: Problem,
    /// The time after which the request can be repeated, if the server says so.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Returns whether the same request can succeed later without a change.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.problem.retryable
    }

    /// Returns whether the server may have performed the operation nevertheless. Nothing is known
    /// about an unknown code of a fault.
    fn may_have_taken_effect(&self) -> bool {
        match self.problem.known_code() {
            Some(code) => code == ProblemCode::OutcomeUnknown,
            None => self.problem.status >= 500,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// The message that is above its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooLarge {
    /// The body of the request is above the limit in the description of the server. It was not
    /// sent.
    #[error("body of the request has {bytes} bytes, and the server accepts {limit}")]
    Request {
        /// The length of the body.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The body of the answer is above the limit of this client.
    #[error("answer has more than {limit} bytes")]
    Answer {
        /// The limit.
        limit: usize,
    },
}

/// A violation of the protocol by an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAnswer {
    /// The operation has no answers with this status.
    #[error("status {0}, which the operation does not have")]
    Status(u16),
    /// The answer does not have this media type.
    #[error("media type is not {0}")]
    MediaType(&'static str),
    /// The body is not an envelope with a body of this type.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The answer has a body, although its status is 204.
    #[error("body of an answer without contents")]
    NotEmpty,
    /// The problem document is malformed or contradicts the status.
    #[error("problem document: {0}")]
    Problem(String),
    /// The description of the server is malformed.
    #[error("description of the server: {0}")]
    Description(String),
    /// The receipt is not that of the message.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The receipt's kind, epoch or group is not that of the message.
    #[error("receipt: {0}")]
    Entry(#[from] EntryError),
    /// A signed head is not signed by the server.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A signed head is of the log of another server or group.
    #[error("head of another log")]
    OtherLog,
    /// The sequence numbers or kinds of entries are not those that were asked for.
    #[error("sequence number or kind of an entry is not as requested")]
    Place,
    /// The contents do not have the hash that names them.
    #[error("contents do not match their hash")]
    Hash,
    /// The range is not the one that was asked for.
    #[error("range of the contents is not as requested")]
    Range,
    /// The answer is about another object than the request.
    #[error("{0} is not as requested")]
    Other(&'static str),
}

impl BadAnswer {
    /// Returns whether the answer is signed by a key that is not in the description of the server,
    /// which the server may have changed in the meantime.
    pub(crate) const fn is_unknown_key(&self) -> bool {
        matches!(
            self,
            Self::Head(HeadError::UnknownKey(_))
                | Self::Receipt(ReceiptError::Head(HeadError::UnknownKey(_)))
        )
    }
}

/// Reason why a login fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginFailure {
    /// The certificate is revoked. The client can never log in again.
    #[error("the certificate of the client is revoked")]
    Revoked,
    /// The server knows a higher version of the certificate. A client that does not have it was
    /// replaced, or its certificate was stolen. It can never log in again.
    #[error("a higher version of the client's certificate is in use")]
    Superseded,
    /// The server is of another domain than the one that the client dials. Nothing was signed.
    #[error("server at the domain {dialled} claims to be {claimed}")]
    OtherDomain {
        /// The domain in the URL.
        dialled: String,
        /// The domain in the description of the server.
        claimed: String,
    },
    /// The server refuses the login.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// There is no complete answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer violates the protocol.
    #[error(transparent)]
    BadAnswer(#[from] BadAnswer),
    /// The login cannot be encoded, or the device's key cannot sign.
    #[error("cannot sign the login: {0}")]
    Signature(String),
}

impl LoginFailure {
    /// Returns whether all later logins with the certificate fail. The client needs another
    /// certificate.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Revoked | Self::Superseded)
    }
}

/// Converts the refusal of a login.
impl From<Box<Refusal>> for LoginFailure {
    fn from(refusal: Box<Refusal>) -> Self {
        match refusal.problem.known_code() {
            Some(ProblemCode::CertificateRevoked) => Self::Revoked,
            Some(ProblemCode::CertificateSuperseded) => Self::Superseded,
            _ => Self::Refused(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_errors_leave_the_outcome_open() {
        let problem = |code| {
            let refusal = Refusal { problem: Problem::new(code, ""), retry_after: None };
            CallError::Problem(Box::new(refusal))
        };
        for code in ProblemCode::ALL {
            let is_open = problem(*code).may_have_taken_effect();
            assert_eq!(is_open, *code == ProblemCode::OutcomeUnknown, "{code:?}");
        }
        for (status, is_open) in [(418, false), (500, true), (503, true)] {
            let mut unknown = Problem::new(ProblemCode::Internal, "");
            (unknown.code, unknown.status) = ("moon-phase".to_owned(), status);
            let refusal = Refusal { problem: unknown, retry_after: None };
            assert_eq!(CallError::Problem(Box::new(refusal)).may_have_taken_effect(), is_open);
        }
        for (error, is_open) in [
            (CallError::OutcomeUnknown(String::new()), true),
            (BadAnswer::Hash.into(), true),
            (TooLarge::Answer { limit: 1 }.into(), true),
            (TooLarge::Request { bytes: 2, limit: 1 }.into(), false),
            (CallError::NotSent(String::new()), false),
            (LoginFailure::Revoked.into(), false),
            (CallError::Unencodable(String::new()), false),
        ] {
            assert_eq!(error.may_have_taken_effect(), is_open, "{error}");
        }
    }
}
