//! What a cryptographic backend provides.

use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, HpkeKeyPair, HpkePrivateKey, SecretBytes, SignaturePrivateKey,
    Suite,
};
use pando_wire::{CipherSuite, HpkeCiphertext, HpkePublicKey, KemOutput, Signature, SignaturePublicKey};
use rand_core::CryptoRng;

/// A cryptographic backend: a set of cipher suites.
pub trait CryptoProvider: Send + Sync {
    /// The implementation of a cipher suite, if the backend has it.
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite>;
}

/// The primitives of one cipher suite (RFC 9420, section 5.1).
///
/// An implementation is a constant without state. Every member of a group must accept and refuse the same
/// inputs, so the documentation of a function says what is accepted and implementations have no choice.
pub trait Primitives: Send + Sync {
    /// The cipher suite.
    fn cipher_suite(&self) -> CipherSuite;

    /// `KDF.Nh`: the length of the KDF's secrets, which in all suites of the RFC is that of the hash.
    fn hash_len(&self) -> usize;

    /// `AEAD.Nk`: the length of the AEAD's keys.
    fn aead_key_len(&self) -> usize;

    /// `AEAD.Nn`: the length of the AEAD's nonces.
    fn aead_nonce_len(&self) -> usize;

    /// `AEAD.Nt`: how much longer the AEAD's ciphertexts are than their plaintexts.
    fn aead_tag_len(&self) -> usize;

    /// `Hash` of the concatenation of `parts`.
    fn hash(&self, parts: &[&[u8]]) -> Digest;

    /// `MAC` (HMAC) of the concatenation of `parts`.
    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest;

    /// `KDF.Extract`: `hash_len` bytes.
    fn extract(&self, salt: &[u8], ikm: &[u8]) -> SecretBytes;

    /// `KDF.Expand` with the concatenation of `info`: `len` bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] if `len` is above 255 times `hash_len` or `secret` is shorter than
    /// `hash_len`.
    fn expand(&self, secret: &[u8], info: &[&[u8]], len: usize) -> Result<SecretBytes, CryptoError>;

    /// `AEAD.Seal`: the ciphertext followed by the tag.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] for a key or nonce of the wrong length,
    /// [`CryptoError::EncryptionFailed`] if the plaintext is too long.
    fn aead_seal(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;

    /// `AEAD.Open`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] for a key or nonce of the wrong length,
    /// [`CryptoError::DecryptionFailed`] for everything else.
    fn aead_open(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError>;

    /// `KEM.DeriveKeyPair`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if no key can be derived from `ikm`, which no one has ever seen.
    fn hpke_derive_key_pair(&self, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError>;

    /// A fresh key pair of the KEM.
    ///
    /// # Errors
    /// As [`Primitives::hpke_derive_key_pair`].
    fn hpke_generate_key_pair(&self, rng: &mut dyn CryptoRng) -> Result<HpkeKeyPair, CryptoError>;

    /// The key pair to which a private key belongs.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if it is malformed.
    fn hpke_key_pair(&self, private: HpkePrivateKey) -> Result<HpkeKeyPair, CryptoError>;

    /// Checks that a public key of the KEM can be encrypted to.
    ///
    /// Accepted is the one encoding of a point on the curve: for X25519 and X448 a number below the
    /// field's prime (RFC 7748 would have larger ones reduced; a key must not have two encodings here,
    /// because keys are compared to keep them unique), which is not one of the points of low order, to
    /// which nothing can be encrypted; for NIST curves the uncompressed form.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn check_hpke_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError>;

    /// `SealBase` (RFC 9180, section 6.1).
    ///
    /// The ephemeral key depends on everything that is sent, not on the generator alone: an
    /// implementation derives it from random bytes, the recipient, `info`, `aad` and the plaintext.
    /// A generator may repeat its state, as after the restore of a snapshot of a virtual machine.
    /// The ephemeral key then repeats only if the whole ciphertext does.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] as [`Primitives::check_hpke_public_key`],
    /// [`CryptoError::EncryptionFailed`] if the plaintext is too long.
    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError>;

    /// `SealBase` (RFC 9180, section 6.1) to many recipients under one `info`, without additional
    /// data. Returns the results of [`Primitives::hpke_seal`] on one message after the other, with
    /// the same generator.
    ///
    /// The backends of this crate hash `info` once and spread the rest over the cores.
    ///
    /// # Errors
    /// The position of the first message that cannot be sealed, and the reason.
    fn hpke_seal_many(
        &self,
        info: &[u8],
        messages: &[HpkeMessage<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<HpkeCiphertext>, (usize, CryptoError)> {
        let seal = |(position, message): (usize, &HpkeMessage<'_>)| {
            self.hpke_seal(message.public, info, &[], message.plaintext, rng)
                .map_err(|error| (position, error))
        };
        messages.iter().enumerate().map(seal).collect()
    }

    /// `OpenBase` (RFC 9180, section 6.1). The KEM's output must be accepted by
    /// [`Primitives::check_hpke_public_key`].
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if the key pair is malformed, [`CryptoError::DecryptionFailed`]
    /// for everything else.
    fn hpke_open(
        &self,
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError>;

    /// `SetupBaseS` followed by `Context.Export` (RFC 9180, section 6.2): returns the KEM's output
    /// and `len` bytes.
    ///
    /// The ephemeral key is derived from random bytes, the recipient, `info` and the exporter
    /// context, as in [`Primitives::hpke_seal`].
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] as [`Primitives::check_hpke_public_key`],
    /// [`CryptoError::InvalidLength`] if `len` is above 255 times `hash_len`.
    fn hpke_send_export(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(KemOutput, SecretBytes), CryptoError>;

    /// `SetupBaseR` followed by `Context.Export` (RFC 9180, section 6.2): `len` bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if the key pair is malformed, [`CryptoError::InvalidLength`] if
    /// `len` is above 255 times `hash_len`, [`CryptoError::DecryptionFailed`] for everything else.
    fn hpke_receive_export(
        &self,
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError>;

    /// A fresh private key of the signature scheme.
    ///
    /// # Errors
    /// [`CryptoError::BrokenRandomness`] if the generator gives nothing that can be a key.
    fn signature_generate_key(&self, rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError>;

    /// Prepares a private key for signing.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if it is malformed.
    fn signer(&self, private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError>;

    /// Checks that a public key of the signature scheme is one that [`Primitives::verify`] accepts.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn check_signature_public_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError>;

    /// Verifies a signature.
    ///
    /// What is accepted:
    /// - Ed25519: `R` and the public key in their one encoding (RFC 8032, section 5.1.3), the public key
    ///   not of low order, `S` below the order of the group, and the equation of RFC 8032, section 5.1.7,
    ///   with the cofactor: `[8][S]B = [8]R + [8][k]A`. It is this form, and not the shorter one, that a
    ///   batch can decide. No honest signer makes a signature on which the two differ.
    /// - Ed448: `R` and the public key in their one encoding and in the subgroup of prime order, neither
    ///   of them the neutral element, `S` below the order of the group and not 0.
    /// - ECDSA: the public key as an uncompressed point on the curve, the signature in DER, `r` and `s`
    ///   between 1 and the order of the group (both of the two values of `s`).
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] or [`CryptoError::InvalidSignature`].
    fn verify(
        &self,
        public: &SignaturePublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), CryptoError>;

    /// Verifies many signatures: accepts if and only if [`Primitives::verify`] accepts each of them.
    ///
    /// # Errors
    /// The position of the first signature that is not accepted, and why.
    fn verify_batch(&self, messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        messages.iter().enumerate().try_for_each(|(position, signed)| {
            self.verify(signed.public, signed.message, signed.signature).map_err(|error| (position, error))
        })
    }
}

/// A message to be encrypted, and for whom. It is secret, so it is not printed.
#[derive(Clone, Copy)]
pub struct HpkeMessage<'a> {
    /// The public key of the recipient.
    pub public: &'a HpkePublicKey,
    /// The message.
    pub plaintext: &'a [u8],
}

/// A message with its signature, to be verified.
#[derive(Debug, Clone, Copy)]
pub struct SignedMessage<'a> {
    /// The public key of the signer.
    pub public: &'a SignaturePublicKey,
    /// The message.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a Signature,
}

/// A private signature key, wherever it is kept.
///
/// [`Primitives::signer`] makes one of a key in memory. An application whose keys are in hardware
/// implements it itself.
pub trait Signer: Send + Sync {
    /// The public key that belongs to it.
    fn public_key(&self) -> &SignaturePublicKey;

    /// Signs a message.
    ///
    /// # Errors
    /// Whatever keeps the key from being used, as the [`CryptoError`] that comes closest.
    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError>;
}
