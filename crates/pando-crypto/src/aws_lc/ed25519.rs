//! Ed25519 (RFC 8032, section 5.1), with the criterion of [`Primitives::verify`](crate::Primitives::verify).

use crate::algorithms::SignatureScheme;
use crate::rustcrypto::ed25519::{self, is_canonical};
use crate::{CryptoError, SignaturePrivateKey, SignedMessage, Signer};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;

pub(crate) struct Ed25519;

/// The encodings of the points of low order, without the sign of x.
pub(crate) const LOW_ORDER: [[u8; 32]; 5] = [
    // 0, of order 4
    [0; 32],
    // 1, the neutral element
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    // Two of order 8
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    // -1, of order 2
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
];

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
        // The library reads a key when it uses it, and not before.
        ed25519::Ed25519::check(public)
    }

    fn verify(public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        if is_acceptable_key(public) {
            // [S]B = R + [k]A implies the equation with the cofactor, and the library accepts nothing else: it compares
            // the encoding of [S]B - [k]A with R, and S with the order of the group.
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

/// Whether these bytes are in the one encoding of a number, and no point of low order. They may be no point at all.
pub(crate) fn is_acceptable_key(public: &[u8]) -> bool {
    let Ok(mut bytes) = <[u8; 32]>::try_from(public) else { return false };
    let canonical = is_canonical(&bytes);
    if let Some(last) = bytes.last_mut() {
        *last &= 0x7f;
    }
    canonical && !LOW_ORDER.contains(&bytes)
}
