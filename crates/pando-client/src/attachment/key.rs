//! The key of an attachment.

use crate::transport::Randomness;
use pando_wire::SecretBytes;
use tls_codec::{DeserializeBytes, Error, TlsSerialize, TlsSize};

/// The number of bytes of a key.
const LENGTH: usize = 32;

/// The secret key of an attachment: 32 random bytes, `opaque<V>`. It is used for one file only.
#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsSize)]
pub(super) struct AttachmentKey(SecretBytes);

impl AttachmentKey {
    /// Returns a random key.
    pub(super) fn random(rng: &mut impl Randomness) -> Self {
        let mut key = SecretBytes::from(vec![0; LENGTH]);
        rng.fill(key.expose_mut());
        Self(key)
    }

    /// Returns the bytes of the key.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Returns a copy of the key.
    pub(super) fn copy(&self) -> Self {
        Self(SecretBytes::from(self.expose()))
    }
}

impl DeserializeBytes for AttachmentKey {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (key, rest) = SecretBytes::tls_deserialize_bytes(bytes)?;
        if key.expose().len() != LENGTH {
            return Err(Error::DecodingError("the key of an attachment has 32 bytes".to_owned()));
        }
        Ok((Self(key), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pando_wire::Decode;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn a_key_has_32_bytes() {
        for length in 0..40_u8 {
            let bytes = [&[length][..], &vec![7; length.into()]].concat();
            assert_eq!(AttachmentKey::decode(&bytes).is_ok(), length == 32, "{length}");
        }
    }

    #[test]
    fn random_keys_differ() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (one, other) = (AttachmentKey::random(&mut rng), AttachmentKey::random(&mut rng));
        assert_ne!(one, other);
        assert_eq!(one, one.copy());
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = AttachmentKey::random(&mut ChaCha20Rng::seed_from_u64(1));
        assert_eq!(format!("{key:?}"), "AttachmentKey([redacted])");
    }
}
