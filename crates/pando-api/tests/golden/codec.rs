//! A value with its codec, for values of different types in one list.

use std::fmt::Debug;
use tls_codec::{DeserializeBytes, Serialize};

/// A structure of the specification.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    /// The encoding of the value.
    pub(crate) encoded: Vec<u8>,
    /// Decodes bytes, compares the result with the value, and encodes the result again.
    pub(crate) decode: Decoder,
}

type Decoder = Box<dyn Fn(&[u8]) -> Option<Decoded>>;

/// The result of decoding bytes.
pub(crate) struct Decoded {
    pub(crate) is_the_value: bool,
    pub(crate) encoded_again: Vec<u8>,
}

pub(crate) fn golden<T>(name: &'static str, value: T) -> Golden
where
    T: Serialize + DeserializeBytes + PartialEq + Debug + 'static,
{
    let encoded = value.tls_serialize_detached().unwrap();
    assert_eq!(encoded.len(), value.tls_serialized_len(), "{name}");
    let decode = move |bytes: &[u8]| {
        let decoded = T::tls_deserialize_exact_bytes(bytes).ok()?;
        let encoded_again = decoded.tls_serialize_detached().unwrap();
        Some(Decoded { is_the_value: decoded == value, encoded_again })
    };
    Golden { name, encoded, decode: Box::new(decode) }
}
