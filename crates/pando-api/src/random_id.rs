//! Identifiers that are random bytes.

use pando_wire::Opaque;
use std::fmt;
use std::io::Write;
use tls_codec::{DeserializeBytes, Error, Serialize, Size};

/// The number of bytes of a random identifier.
const LENGTH: usize = 16;

/// The identifier of a claim (docs/protocol.md, section 12): 16 random bytes. A repeated claim
/// returns the same KeyPackages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimId(pub [u8; LENGTH]);

/// The identifier of an application message (docs/protocol.md, section 8.2): 16 random bytes. The
/// sender keeps it when it encrypts the message again, and receivers find duplicates by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; LENGTH]);

/// Encodes identifiers as `opaque id<V>` of exactly 16 bytes.
macro_rules! random_ids {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl Size for $name {
            fn tls_serialized_len(&self) -> usize {
                LENGTH.saturating_add(1)
            }
        }

        impl Serialize for $name {
            fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, Error> {
                Opaque::from(&self.0).tls_serialize(writer)
            }
        }

        impl DeserializeBytes for $name {
            fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
                let (id, rest) = Opaque::tls_deserialize_bytes(bytes)?;
                let id = <[u8; LENGTH]>::try_from(id.as_slice());
                let id = id.map_err(|_| Error::DecodingError("a random identifier has 16 bytes".to_owned()))?;
                Ok((Self(id), rest))
            }
        }
    )*};
}

random_ids! { ClaimId MessageId }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_16_bytes() {
        for length in 0..40 {
            let bytes = Opaque::from(vec![7; length]).with_length().unwrap();
            let is_id = length == LENGTH;
            let claim = ClaimId::tls_deserialize_exact_bytes(&bytes).ok();
            assert_eq!(claim, is_id.then_some(ClaimId([7; LENGTH])));
            let message = MessageId::tls_deserialize_exact_bytes(&bytes).ok();
            assert_eq!(message, is_id.then_some(MessageId([7; LENGTH])));
        }
        assert_eq!(MessageId([0xab; LENGTH]).to_string(), "ab".repeat(LENGTH));
    }
}
