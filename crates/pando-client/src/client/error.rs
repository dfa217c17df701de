//! Errors of the client.

use crate::engine::EngineError;
#[cfg(feature = "http")]
use crate::http_transport::HttpError;
use crate::server_url::UrlError;
use pando_mls::{CipherSuite, CryptoError};
use pando_store::StoreError;
use std::error::Error;

/// Reason why a method of the client failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The engine has refused the call, or its store has failed. The call has no effect.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The client was closed, or its thread has panicked.
    #[error("the client has ended, because it was closed or its thread has panicked")]
    Ended,
}

/// Reason why a client cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL of the server is not valid.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// There is no transport with these root certificates or settings.
    #[cfg(feature = "http")]
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The engine cannot be opened on the store.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cipher suite is not supported.
    #[error("cipher suite {0:?} is not supported")]
    CipherSuite(CipherSuite),
    /// The client is not opened in a runtime of tokio.
    #[error("no runtime of tokio")]
    NoRuntime,
    /// The operating system does not start the thread.
    #[error("thread of the client: {0}")]
    Thread(#[source] std::io::Error),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Reason why there is no new identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The cipher suite is not supported.
    #[error("cipher suite {0:?} is not supported")]
    CipherSuite(CipherSuite),
    /// The key or the signature of the request cannot be made.
    #[error("signature key: {0}")]
    Crypto(#[from] CryptoError),
    /// The authority has not issued a certificate.
    #[error("certificate: {0}")]
    Authority(#[source] Box<dyn Error + Send + Sync>),
    /// The store has failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
