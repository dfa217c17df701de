//! Serialization of bytes as Base64 in transcripts (`build.rs`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serializer;

/// Serializes bytes as text.
pub(crate) fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

/// Serializes a list of bytes as a list of texts.
pub(crate) fn list<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|bytes| STANDARD.encode(bytes)))
}
