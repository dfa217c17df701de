//! The envelope of a body (docs/protocol.md, section 1).

use pando_wire::{Decode, DecodeError, Encode, EncodeError, Opaque, list};
use std::fmt::Debug;
use tls_codec::{DeserializeBytes, Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The lowest type of an extension that a receiver must know.
const FIRST_CRITICAL: u16 = 0x8000;

/// A field that a later version of the protocol adds to a body.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ApiExtension {
    /// The type. A receiver ignores an unknown type below 0x8000 and refuses any other unknown
    /// type.
    pub extension_type: u16,
    /// The contents.
    pub data: Opaque,
}

/// A body with its extensions.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Envelope<T: Debug + Serialize + DeserializeBytes> {
    /// The request or response.
    pub body: T,
    /// The extensions, sorted by type, each type once.
    #[tls_codec(with = "list")]
    pub extensions: Vec<ApiExtension>,
}

impl<T: Debug + Serialize + DeserializeBytes> Encode for Envelope<T> {}

impl<T: Debug + Serialize + DeserializeBytes> Envelope<T> {
    /// Returns a body without extensions.
    pub const fn new(body: T) -> Self {
        Self { body, extensions: Vec::new() }
    }

    /// Encodes a body without extensions.
    ///
    /// # Errors
    /// [`EncodeError`] if a vector is too long.
    pub fn encode_body(body: T) -> Result<Vec<u8>, EncodeError> {
        Self::new(body).encode()
    }

    /// Decodes an envelope and checks its extensions. Returns the body. This version of the
    /// protocol defines no extension.
    ///
    /// # Errors
    /// [`EnvelopeError`] if the bytes are malformed or an extension must be known.
    pub fn decode_body(bytes: &[u8]) -> Result<T, EnvelopeError> {
        let envelope = Self::decode(bytes)?;
        check_extensions(&envelope.extensions)?;
        Ok(envelope.body)
    }
}

/// Checks that extensions are sorted, that no type occurs twice, and that none must be known.
pub(crate) fn check_extensions(extensions: &[ApiExtension]) -> Result<(), EnvelopeError> {
    let types = || extensions.iter().map(|extension| extension.extension_type);
    if types().zip(types().skip(1)).any(|(one, next)| one >= next) {
        return Err(EnvelopeError::Order);
    }
    match types().find(|extension_type| *extension_type >= FIRST_CRITICAL) {
        Some(unknown) => Err(EnvelopeError::UnknownExtension(unknown)),
        None => Ok(()),
    }
}

/// Reason why an envelope is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes are not the encoding of such a body.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The extensions are not sorted, or a type occurs twice.
    #[error("extensions are not in increasing order of their types")]
    Order,
    /// An extension of 0x8000 or above is unknown.
    #[error("unknown extension {0:#06x}, which a receiver must know")]
    UnknownExtension(u16),
}
