//! The reasons for refusing a request, with their gRPC status codes.

use pando_mls::{CryptoError, DecodeError, EncodeError, GroupError, TreeError};
use tonic::{Code, Status};

/// The reason for refusing a request.
#[derive(Debug)]
pub(super) struct Failure {
    code: Code,
    message: String,
}

pub(super) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// Returns a failure for a request that is invalid regardless of any state.
    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self { code: Code::InvalidArgument, message: message.into() }
    }

    /// Returns a failure for a request that is invalid in the current state of the group.
    pub(super) fn state(message: impl Into<String>) -> Self {
        Self { code: Code::FailedPrecondition, message: message.into() }
    }

    /// Returns a failure that an error in the service itself causes.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self { code: Code::Internal, message: message.into() }
    }
}

impl From<Failure> for Status {
    fn from(Failure { code, message }: Failure) -> Self {
        Self::new(code, message)
    }
}

impl From<GroupError> for Failure {
    fn from(error: GroupError) -> Self {
        match &error {
            GroupError::Malformed(_) => Self::argument(error.to_string()),
            GroupError::Encode(_) => Self::internal(error.to_string()),
            error if error.is_storage() => Self::internal(error.to_string()),
            _ => Self::state(error.to_string()),
        }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::argument(error.to_string())
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<CryptoError> for Failure {
    fn from(error: CryptoError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<TreeError> for Failure {
    fn from(error: TreeError) -> Self {
        Self::internal(error.to_string())
    }
}
