//! ECDSA on the NIST curves, for example `ecdsa_secp256r1_sha256` (RFC 8446, section 4.2.3).
//!
//! Nonces are derived from the key and the message (RFC 6979), so signing does not need randomness.

use crate::algorithms::SignatureScheme;
use crate::{CryptoError, SignaturePrivateKey, Signer};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// The number of invalid candidates for a private key after which the generator is considered
/// broken. With a good generator, a candidate is invalid with a probability of at most 2^-32.
const ATTEMPTS: usize = 16;

macro_rules! ecdsa {
    ($name:ident, $curve:ident, $private_len:literal, $public_len:literal, $mask:literal) => {
        pub(crate) struct $name;

        impl SignatureScheme for $name {
            fn generate(rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
                let mut candidate = Zeroizing::new([0; $private_len]);
                for _ in 0..ATTEMPTS {
                    rng.fill_bytes(&mut *candidate);
                    if let Some(first) = candidate.first_mut() {
                        *first &= $mask;
                    }
                    if $curve::ecdsa::SigningKey::from_slice(&*candidate).is_ok() {
                        return Ok(SignaturePrivateKey::from(candidate.as_slice()));
                    }
                }
                Err(CryptoError::BrokenRandomness)
            }

            fn signer(private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
                struct Key($curve::ecdsa::SigningKey, SignaturePublicKey);

                impl Signer for Key {
                    fn public_key(&self) -> &SignaturePublicKey {
                        &self.1
                    }

                    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
                        let signature: $curve::ecdsa::Signature =
                            $curve::ecdsa::signature::Signer::try_sign(&self.0, message)
                                .map_err(|_| CryptoError::InvalidPrivateKey)?;
                        Ok(Signature::from(signature.to_der().as_bytes()))
                    }
                }

                if private.expose().len() != $private_len {
                    return Err(CryptoError::InvalidPrivateKey);
                }
                let key = $curve::ecdsa::SigningKey::from_slice(private.expose())
                    .map_err(|_| CryptoError::InvalidPrivateKey)?;
                let public = key.verifying_key().to_sec1_point(false).as_bytes().into();
                Ok(Box::new(Key(key, public)))
            }

            fn check(public: &SignaturePublicKey) -> Result<(), CryptoError> {
                verifying_key::<{ $public_len }, _>(public, $curve::ecdsa::VerifyingKey::from_sec1_bytes)
                    .map(|_| ())
            }

            fn verify(
                public: &SignaturePublicKey,
                message: &[u8],
                signature: &Signature,
            ) -> Result<(), CryptoError> {
                let key = verifying_key::<{ $public_len }, _>(
                    public,
                    $curve::ecdsa::VerifyingKey::from_sec1_bytes,
                )?;
                let signature = $curve::ecdsa::Signature::from_der(signature)
                    .map_err(|_| CryptoError::InvalidSignature)?;
                $curve::ecdsa::signature::Verifier::verify(&key, message, &signature)
                    .map_err(|_| CryptoError::InvalidSignature)
            }
        }
    };
}

/// Decodes a public key, which must be an uncompressed point (RFC 8446, section 4.2.8.2).
fn verifying_key<const LEN: usize, K>(
    public: &[u8],
    from_sec1: impl Fn(&[u8]) -> Result<K, p256::ecdsa::signature::Error>,
) -> Result<K, CryptoError> {
    if public.len() != LEN || public.first() != Some(&4) {
        return Err(CryptoError::InvalidPublicKey);
    }
    from_sec1(public).map_err(|_| CryptoError::InvalidPublicKey)
}

ecdsa!(P256, p256, 32, 65, 0xff);
ecdsa!(P384, p384, 48, 97, 0xff);
ecdsa!(P521, p521, 66, 133, 0x01);
