//! Errors of the authority.

use pando_api::{CertificateRequestError, ClientId, RevocationError};
use std::io;
use std::path::PathBuf;

/// Reason why the authority cannot be used, or refuses an operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The failed action, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The folder for a new authority contains files.
    #[error("{}: folder is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The folder was not made by this crate, or its creation was interrupted.
    #[error("{}: folder is not an authority, because it has no authority.json", .0.display())]
    NotAnAuthority(PathBuf),
    /// Another process, or another value in this process, has opened the authority.
    #[error("{}: authority is in use", .0.display())]
    InUse(PathBuf),
    /// Other users may read a private file.
    #[error("{}: private file has the mode {mode:03o}: other users may access it", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// The permissions of the file.
        mode: u32,
    },
    /// A file has other contents than the authority wrote.
    #[error("{}: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The request is not valid.
    #[error(transparent)]
    Request(#[from] CertificateRequestError),
    /// The version is not between 1 and 2^63 - 1.
    #[error("version {0} is not between 1 and 2^63 - 1")]
    Version(u64),
    /// The version is not above the last version that was issued for the client. The text leaves
    /// the client out, because errors may be logged.
    #[error("version {version} is not above the issued version {issued}")]
    NotRising {
        /// The client.
        client: ClientId,
        /// The refused version.
        version: u64,
        /// The last version that was issued.
        issued: u64,
    },
    /// The version is revoked already. The text leaves the client out, because errors may be
    /// logged.
    #[error("version {version} is revoked")]
    Revoked {
        /// The client.
        client: ClientId,
        /// The refused version.
        version: u64,
    },
    /// The validity ends before it begins, or is not within that of the intermediate certificate.
    #[error("validity is empty or not within that of the intermediate certificate")]
    Validity,
    /// The revocation is not possible.
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    /// A certificate or a list cannot be encoded.
    #[error("cannot encode: {0}")]
    Encoding(String),
}

impl From<der::Error> for IssuerError {
    fn from(error: der::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}
