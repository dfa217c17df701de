//! The interface of a cryptographic backend.

use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, HpkeKeyPair, HpkePrivateKey, SecretBytes, SignaturePrivateKey,
    Suite,
};
use pando_wire::{CipherSuite, HpkeCiphertext, HpkePublicKey, KemOutput, Signature, SignaturePublicKey};
use rand_core::CryptoRng;

/// A cryptographic backend: a set of cipher suites.
pub trait CryptoProvider: Send + Sync {
    /// Returns the implementation of a cipher suite, if the backend has it.
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite>;
}

/// The primitives of one cipher suite (RFC 9420, section 5.1).
///
/// An implementation is a constant without state. All members of a group must accept and reject the
/// same inputs. The documentation of each function therefore defines the accepted inputs, and
/// implementations have no choice.
pub trait Primitives: Send + Sync {
    /// Returns the cipher suite.
    fn cipher_suite(&self) -> CipherSuite;

    /// Returns `KDF.Nh`, the length of the KDF's secrets. In all suites of the RFC it is the length
    /// of the hash.
    fn hash_len(&self) -> usize;

    /// Returns `AEAD.Nk`, the length of the AEAD's keys.
    fn aead_key_len(&self) -> usize;

    /// Returns `AEAD.Nn`, the length of the AEAD's nonces.
    fn aead_nonce_len(&self) -> usize;

    /// Returns `AEAD.Nt`, the difference in length between the AEAD's ciphertexts and plaintexts.
    fn aead_tag_len(&self) -> usize;

    /// Returns `Hash` of the concatenation of `parts`.
    fn hash(&self, parts: &[&[u8]]) -> Digest;

    /// Returns `MAC` (HMAC) of the concatenation of `parts`.
    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest;

    /// Performs `KDF.Extract`. Returns `hash_len` bytes.
    fn extract(&self, salt: &[u8], ikm: &[u8]) -> SecretBytes;

    /// Performs `KDF.Expand` with the concatenation of `info`. Returns `len` bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidLength`] if `len` is above 255 times `hash_len` or `secret` is shorter
    /// than `hash_len`.
    fn expand(&self, secret: &[u8], info: &[&[u8]], len: usize) -> Result<SecretBytes, CryptoError>;

    /// Performs `KDF.Expand` of one secret with each pair of an info and a length. Returns the
    /// outputs in this order.
    ///
    /// The backends of this crate key HMAC once for all outputs.
    ///
    /// # Errors
    /// The errors of [`Primitives::expand`].
    fn expand_many(&self, secret: &[u8], infos: &[(&[u8], usize)]) -> Result<Vec<SecretBytes>, CryptoError> {
        infos.iter().map(|(info, len)| self.expand(secret, &[info], *len)).collect()
    }

    /// Performs `AEAD.Seal`. Returns the ciphertext followed by the tag.
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

    /// Performs `AEAD.Open`.
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

    /// Performs `KEM.DeriveKeyPair`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if no key can be derived from `ikm`. The probability is
    /// negligible.
    fn hpke_derive_key_pair(&self, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError>;

    /// Generates a key pair of the KEM.
    ///
    /// # Errors
    /// As [`Primitives::hpke_derive_key_pair`].
    fn hpke_generate_key_pair(&self, rng: &mut dyn CryptoRng) -> Result<HpkeKeyPair, CryptoError>;

    /// Returns the key pair of a private key.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if it is malformed.
    fn hpke_key_pair(&self, private: HpkePrivateKey) -> Result<HpkeKeyPair, CryptoError>;

    /// Checks that a public key of the KEM can be encrypted to.
    ///
    /// Only the canonical encoding of a point on the curve is accepted:
    /// - X25519 and X448: a number below the field's prime that is not a point of low order. RFC
    ///   7748 would reduce larger numbers. A key must not have two encodings here, because keys are
    ///   compared to keep them unique.
    /// - NIST curves: the uncompressed form.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn check_hpke_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError>;

    /// Performs `SealBase` (RFC 9180, section 6.1).
    ///
    /// The ephemeral key must depend on the whole message, not only on the generator. An
    /// implementation derives it from random bytes, the recipient, `info`, `aad` and the plaintext.
    /// A generator may repeat its state, for example after a virtual machine is restored from a
    /// snapshot. The ephemeral key then repeats only if the whole ciphertext does.
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

    /// Performs `SealBase` (RFC 9180, section 6.1) to many recipients with one `info` and without
    /// additional data. Returns the results of [`Primitives::hpke_seal`] on one message after the
    /// other, with the same generator.
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

    /// Performs `OpenBase` (RFC 9180, section 6.1). [`Primitives::check_hpke_public_key`] must
    /// accept the KEM output.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if the key pair is malformed,
    /// [`CryptoError::DecryptionFailed`] for everything else.
    fn hpke_open(
        &self,
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError>;

    /// Performs `SetupBaseS` followed by `Context.Export` (RFC 9180, section 6.2). Returns the KEM
    /// output and `len` bytes.
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

    /// Performs `SetupBaseR` followed by `Context.Export` (RFC 9180, section 6.2). Returns `len`
    /// bytes.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if the key pair is malformed,
    /// [`CryptoError::InvalidLength`] if `len` is above 255 times `hash_len`,
    /// [`CryptoError::DecryptionFailed`] for everything else.
    fn hpke_receive_export(
        &self,
        key_pair: &HpkeKeyPair,
        kem_output: &KemOutput,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError>;

    /// Generates a private key of the signature scheme.
    ///
    /// # Errors
    /// [`CryptoError::BrokenRandomness`] if the generator gives no valid key.
    fn signature_generate_key(&self, rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError>;

    /// Prepares a private key for signing.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if it is malformed.
    fn signer(&self, private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError>;

    /// Checks that [`Primitives::verify`] accepts a public key of the signature scheme.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn check_signature_public_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError>;

    /// Verifies a signature.
    ///
    /// Accepted signatures:
    /// - Ed25519: `R` and the public key are canonically encoded (RFC 8032, section 5.1.3). The
    ///   public key is not of low order. `S` is below the order of the group. The equation of RFC
    ///   8032, section 5.1.7, holds with the cofactor: `[8][S]B = [8]R + [8][k]A`. A batch can
    ///   decide only this form, not the one without the cofactor. No honest signer makes a
    ///   signature for which the two differ.
    /// - Ed448: `R` and the public key are canonically encoded and in the subgroup of prime order.
    ///   Neither of them is the neutral element. `S` is below the order of the group and not 0.
    /// - ECDSA: the public key is an uncompressed point on the curve. The signature is in DER, with
    ///   `r` and `s` between 1 and the order of the group. Both possible values of `s` are
    ///   accepted.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] or [`CryptoError::InvalidSignature`].
    fn verify(
        &self,
        public: &SignaturePublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), CryptoError>;

    /// Verifies many signatures. Accepts if and only if [`Primitives::verify`] accepts each of
    /// them.
    ///
    /// # Errors
    /// The position of the first rejected signature, and the reason.
    fn verify_batch(&self, messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        messages.iter().enumerate().try_for_each(|(position, signed)| {
            self.verify(signed.public, signed.message, signed.signature).map_err(|error| (position, error))
        })
    }
}

/// A message to encrypt, and its recipient. It does not implement `Debug`, because the message is
/// secret.
#[derive(Clone, Copy)]
pub struct HpkeMessage<'a> {
    /// The public key of the recipient.
    pub public: &'a HpkePublicKey,
    /// The message.
    pub plaintext: &'a [u8],
}

/// A message and its signature, to be verified.
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
/// [`Primitives::signer`] creates one from a key in memory. An application with keys in hardware
/// implements this trait itself.
pub trait Signer: Send + Sync {
    /// Returns the public key of this key.
    fn public_key(&self) -> &SignaturePublicKey;

    /// Signs a message.
    ///
    /// # Errors
    /// The closest [`CryptoError`] if the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError>;
}
