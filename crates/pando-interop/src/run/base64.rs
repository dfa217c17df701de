//! Serializes bytes as Base64 in transcripts. `build.rs` adds these functions to the generated
//! messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serializer;

/// Serializes a byte string as Base64 text.
pub(crate) fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

/// Serializes a list of byte strings as a list of Base64 texts.
pub(crate) fn list<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|bytes| STANDARD.encode(bytes)))
}
