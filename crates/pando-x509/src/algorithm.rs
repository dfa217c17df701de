//! The signature schemes of MLS (RFC 9420, section 17.1), as they are used in certificates. The
//! schemes are Ed25519 and Ed448 (RFC 8410), and ECDSA (RFC 5758, section 3.2) with the hash that
//! MLS uses for each curve. Ed448 needs the feature `curve448` of `pando-crypto`.
//!
//! RSA, and ECDSA with other hashes, are deliberately not supported, because `pando-crypto` does
//! not implement them.

use pando_crypto::{CryptoProvider, RustCrypto, Suite};
use pando_wire::{CipherSuite, Signature, SignaturePublicKey};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use x509_cert::SubjectPublicKeyInfo;
use x509_cert::der::Encode;

/// The signature scheme of a cipher suite, with its identifiers in certificates.
#[derive(Debug)]
pub(crate) struct Algorithm {
    suite: Suite,
    public_key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
}

impl Algorithm {
    /// Returns all schemes. For a suite that the given provider does not support, the scheme uses
    /// `RustCrypto`, because members with different providers must accept the same chains.
    /// AWS-LC does not support Ed448. Without the feature `curve448` of `pando-crypto`, no provider
    /// supports it, and Ed448 is left out.
    pub(crate) fn all(provider: &dyn CryptoProvider) -> Vec<Self> {
        [
            (CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519, alg_id::ED25519, alg_id::ED25519),
            (CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256, alg_id::ECDSA_P256, alg_id::ECDSA_SHA256),
            (CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384, alg_id::ECDSA_P384, alg_id::ECDSA_SHA384),
            (CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521, alg_id::ECDSA_P521, alg_id::ECDSA_SHA512),
            (CipherSuite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448, alg_id::ED448, alg_id::ED448),
        ]
        .into_iter()
        .filter_map(|(cipher_suite, public_key, signature)| {
            let suite = provider.suite(cipher_suite).or_else(|| RustCrypto.suite(cipher_suite))?;
            Some(Self { suite, public_key, signature })
        })
        .collect()
    }

    /// Returns the public key of a certificate in the encoding of MLS, which consists of the same
    /// bytes. Returns `None` if it is not a valid key of one of the schemes.
    pub(crate) fn public_key(algorithms: &[Self], info: &SubjectPublicKeyInfo) -> Option<SignaturePublicKey> {
        let identifier = info.algorithm.to_der().ok()?;
        // Skip the tag and the length. The tag and the length each take one byte, because all known
        // identifiers are short.
        let identifier = identifier.get(2..)?;
        let algorithm = algorithms.iter().find(|algorithm| algorithm.public_key.as_ref() == identifier)?;
        let key = SignaturePublicKey::from(info.subject_public_key.as_bytes()?);
        algorithm.suite.check_signature_public_key(&key).is_ok().then_some(key)
    }
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        self.suite
            .verify(&SignaturePublicKey::from(public_key), message, &Signature::from(signature))
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.public_key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}
