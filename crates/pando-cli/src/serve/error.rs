//! Errors of the command `pando serve`.

use pando_api::{Domain, PinError};
use pando_delivery::Refusal;
use pando_delivery::http::TlsError;
use pando_delivery::store::OpenError;
use pando_issuer::IssuerError;
use pando_mls::CryptoError;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Reason why the server cannot start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{}: {error}", path.display())]
    Config { path: PathBuf, error: toml::de::Error },
    #[error(
        "{0} is not a loopback address, so the development certificate cannot be used: set tls.certificate and tls.key in the file of --config"
    )]
    NotLoopback(SocketAddr),
    #[error("the development certificate is for the domain localhost: set tls.certificate and tls.key")]
    NoCertificate,
    #[error("set domain to the domain of the certificate")]
    NoDomain,
    #[error("port is 0; set the port that clients dial")]
    PortZero,
    #[error("set anchors: without a trust anchor, no client can log in")]
    NoAnchor,
    #[error("{}: other users may read it; its mode should be 600 and is {mode:o}", path.display())]
    Permissions { path: PathBuf, mode: u32 },
    #[error("{}: not a key of this server", .0.display())]
    Key(PathBuf),
    #[error("the feed of {0}: key is not the base64url of an Ed25519 public key")]
    FeedKey(Domain),
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    #[error("development certificate: {0}")]
    Development(#[from] rcgen::Error),
    #[error("key: {0}")]
    Crypto(#[from] CryptoError),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    #[error("trust anchors: {0}")]
    Pin(#[from] PinError),
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    #[error("store: {0}")]
    Store(#[from] OpenError),
    #[error("cannot listen at {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot start: {0}")]
    Start(io::Error),
    #[error(transparent)]
    Service(#[from] Refusal),
    #[error("output: {0}")]
    Output(io::Error),
}

impl ServeError {
    /// Returns a function that names the file of an error.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
