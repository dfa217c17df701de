//! Encrypted blobs (docs/protocol.md, section 14).

use pando_wire::Encode;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The answer to a stored blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Blob {
    /// The time after which the server may delete the blob, in milliseconds since 1970.
    pub expires: u64,
    /// The number of bytes.
    pub bytes: u64,
}

impl Encode for Blob {}
