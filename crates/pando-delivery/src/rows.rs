//! The encoding of rows.

use crate::error::Refusal;
use tls_codec::{DeserializeBytes, Serialize};

/// Encodes a row.
pub(crate) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, Refusal> {
    row.tls_serialize_detached().map_err(|error| Refusal::internal(&error))
}

/// Decodes a row.
pub(crate) fn decode<T: DeserializeBytes>(row: &[u8]) -> Result<T, Refusal> {
    T::tls_deserialize_exact_bytes(row).map_err(|error| Refusal::internal(&error))
}
