//! Ed25519 (RFC 8032, section 5.1), with the acceptance criterion of
//! [`Primitives::verify`](crate::Primitives::verify).

use crate::algorithms::SignatureScheme;
use crate::rustcrypto::ed25519::{self, is_acceptable_key};
use crate::{CryptoError, SignaturePrivateKey, SignedMessage, Signer};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;

pub(crate) struct Ed25519;

struct Key {
    key_pair: Ed25519KeyPair,
    public: SignaturePublicKey,
}

impl Signer for Key {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signature = self.key_pair.try_sign(message).map_err(|_| CryptoError::InvalidPrivateKey)?;
        Ok(Signature::from(signature.as_ref()))
    }
}

impl SignatureScheme for Ed25519 {
    fn generate(rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
        ed25519::Ed25519::generate(rng)
    }

    fn signer(private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
        let seed: &[u8; 32] = private.expose().try_into().map_err(|_| CryptoError::InvalidPrivateKey)?;
        let key_pair =
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CryptoError::InvalidPrivateKey)?;
        let public = key_pair.public_key().as_ref().into();
        Ok(Box::new(Key { key_pair, public }))
    }

    fn check(public: &SignaturePublicKey) -> Result<(), CryptoError> {
        // The library does not validate a public key before a signature is verified with it.
        ed25519::Ed25519::check(public)
    }

    fn verify(public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        if <&[u8; 32]>::try_from(&**public).is_ok_and(is_acceptable_key) {
            // The library compares the encoding of [S]B - [k]A with R, and requires S to be below
            // the order of the group. So the library accepts a signature only if [S]B = R + [k]A,
            // which implies the equation with the cofactor.
            let key = UnparsedPublicKey::new(&ED25519, &**public);
            if key.verify(message, signature).is_ok() {
                return Ok(());
            }
        }
        ed25519::Ed25519::verify(public, message, signature)
    }

    fn verify_batch(messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        ed25519::verify_batch(messages, Self::verify)
    }
}
