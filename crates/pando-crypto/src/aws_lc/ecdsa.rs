//! ECDSA on the NIST curves, for example `ecdsa_secp256r1_sha256` (RFC 8446, section 4.2.3).
//!
//! Key generation and signing use the pure Rust backend, for the reason given in the parent module.

use crate::algorithms::SignatureScheme;
use crate::rustcrypto::ecdsa;
use crate::{CryptoError, SignaturePrivateKey, Signer};
use aws_lc_rs::signature::{self, UnparsedPublicKey};
use pando_wire::{Signature, SignaturePublicKey};
use rand_core::CryptoRng;

macro_rules! ecdsa {
    ($name:ident, $curve:ident, $public_len:literal, $algorithm:ident) => {
        pub(crate) struct $name;

        impl SignatureScheme for $name {
            fn generate(rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError> {
                ecdsa::$name::generate(rng)
            }

            fn signer(private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError> {
                ecdsa::$name::signer(private)
            }

            fn check(public: &SignaturePublicKey) -> Result<(), CryptoError> {
                ecdsa::$name::check(public)
            }

            fn verify(
                public: &SignaturePublicKey,
                message: &[u8],
                signature: &Signature,
            ) -> Result<(), CryptoError> {
                // The library also accepts other encodings of public keys, and its DER parser may
                // differ from ours.
                let uncompressed = public.len() == $public_len && public.first() == Some(&4);
                if uncompressed && $curve::ecdsa::Signature::from_der(signature).is_ok() {
                    let key = UnparsedPublicKey::new(&signature::$algorithm, &**public);
                    if key.verify(message, signature).is_ok() {
                        return Ok(());
                    }
                }
                Self::check(public).and(Err(CryptoError::InvalidSignature))
            }
        }
    };
}

ecdsa!(P256, p256, 65, ECDSA_P256_SHA256_ASN1);
ecdsa!(P384, p384, 97, ECDSA_P384_SHA384_ASN1);
ecdsa!(P521, p521, 133, ECDSA_P521_SHA512_ASN1);
