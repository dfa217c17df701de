//! Errors of sessions.

use crate::StoreError;
use crate::backend::Backend;
use crate::no_signer::NoSigner;
use crate::store::Store;
use pando_mls::wire::SignaturePublicKey;
use pando_mls::{Group, GroupError, GroupId, Signer};

/// An error of the application, returned by a closure that writes the application's rows.
pub type AppError = Box<dyn std::error::Error + Send + Sync>;

/// An error of a session's operation. The operation can be repeated.
/// [`Session::send_outbox`](crate::Session::send_outbox) consists of several operations. The
/// messages that it has sent before the error are already deleted from the outbox.
///
/// After all errors except [`SessionError::Store`], nothing of the failed operation is stored.
/// After [`SessionError::Store`], it can be unknown whether the operation is stored, because
/// [`Transaction::commit`](crate::Transaction::commit) may have failed. The operation is stored
/// either entirely, with the rows of the closure, or not at all. The application can therefore read
/// those rows to find out whether the operation is stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The group has refused the operation, or could not be read.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The store has failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The application's closure has failed.
    #[error("the application's rows were not written: {0}")]
    Application(#[source] AppError),
    /// The client has no group with this identifier.
    #[error("the client is not in group {0}")]
    NoGroup(GroupId),
    /// The store does not have the signature key of the client's leaf, or of its KeyPackage.
    #[error("the store does not have the signature key {0:?}")]
    NoSigner(SignaturePublicKey),
    /// The message is not of the kind that the function requires.
    #[error("a message of another kind")]
    WrongMessage,
}

/// An error of a transaction, caused by the store or by the application's closure.
#[derive(Debug)]
pub(super) enum Failure {
    Store(StoreError),
    Application(AppError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for SessionError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => Self::Store(error),
            Failure::Application(error) => Self::Application(error),
        }
    }
}

/// Returns the signature key of the client's leaf.
pub(super) fn signer_of<B: Backend>(
    store: &Store<B>,
    group: &Group,
) -> Result<Box<dyn Signer>, SessionError> {
    let (public, leaf) = (group.public(), group.own_leaf());
    let Some(key) = public.tree().signature_key(leaf).map_err(GroupError::from)? else {
        // A removed client needs no signature key.
        return Ok(Box::new(NoSigner(SignaturePublicKey::default())));
    };
    match store.signer(public.suite(), &key)? {
        Some(signer) => Ok(signer),
        None if group.is_active() => Err(SessionError::NoSigner(key)),
        None => Ok(Box::new(NoSigner(key))),
    }
}
