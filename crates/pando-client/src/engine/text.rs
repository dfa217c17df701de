//! The encoding of texts: `opaque text<V>` in UTF-8.

use pando_wire::Opaque;
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

pub(crate) fn tls_serialized_len(text: &str) -> usize {
    Opaque::from(text.as_bytes()).tls_serialized_len()
}

pub(crate) fn tls_serialize<W: Write>(text: &str, writer: &mut W) -> Result<usize, Error> {
    Opaque::from(text.as_bytes()).tls_serialize(writer)
}

pub(crate) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(String, &[u8]), Error> {
    let (text, rest) = Opaque::tls_deserialize_bytes(bytes)?;
    let text = str::from_utf8(&text).map_err(|_| Error::DecodingError("text is not UTF-8".to_owned()))?;
    Ok((text.to_owned(), rest))
}
