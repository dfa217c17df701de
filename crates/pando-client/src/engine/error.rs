//! Errors of the engine.

use pando_mls::GroupId;
use pando_store::StoreError;
use pando_store::session::SessionError;

/// An error of the engine: a failure of this client, or a mistake of the caller. Refusals of the
/// server and invalid messages are events and not errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The store has failed. The engine has read its rows again, and its state is what is stored.
    /// The step can be repeated.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The groups of the store could not be read or changed.
    #[error(transparent)]
    Session(SessionError),
    /// Another engine has the store open.
    #[error("another engine has the store open")]
    InUse,
    /// The store has no signature key with the certificate of the client.
    #[error("the store has no signature key with the certificate of the client")]
    NoIdentity,
    /// The credential is not a device certificate.
    #[error("credential of the client: {0}")]
    Certificate(String),
    /// The client is not a member of the group.
    #[error("the client is not a member of group {0}")]
    NotAMember(GroupId),
    /// The client is a member of the group already, or is joining it.
    #[error("the client is in group {0} already")]
    InGroup(GroupId),
    /// A value cannot be encoded.
    #[error("value cannot be encoded: {0}")]
    Unencodable(String),
    /// The policy violates a rule.
    #[error(transparent)]
    Policy(#[from] pando_api::PolicyError),
}

impl From<SessionError> for EngineError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Store(error) => Self::Store(error),
            error => Self::Session(error),
        }
    }
}

impl From<pando_mls::EncodeError> for EngineError {
    fn from(error: pando_mls::EncodeError) -> Self {
        Self::Unencodable(error.to_string())
    }
}
