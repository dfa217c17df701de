//! The interface of cryptographic backends.

use crate::{
    AeadKey, AeadNonce, CryptoError, Digest, HpkeKeyPair, HpkePrivateKey, SecretBytes, SignaturePrivateKey,
    Suite,
};
use pando_wire::{CipherSuite, HpkeCiphertext, HpkePublicKey, KemOutput, Signature, SignaturePublicKey};
use rand_core::CryptoRng;

/// A cryptographic backend, which implements a set of cipher suites.
pub trait CryptoProvider: Send + Sync {
    /// Returns the implementation of a cipher suite, or `None` if the backend does not support it.
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Suite>;
}

/// The primitives of one cipher suite (RFC 9420, section 5.1).
///
/// An implementation is a constant without state. All members of a group must accept and reject the
/// same inputs, so the documentation of each function defines exactly which inputs an
/// implementation must accept.
pub trait Primitives: Send + Sync {
    /// Returns the number of the cipher suite.
    fn cipher_suite(&self) -> CipherSuite;

    /// Returns `KDF.Nh`, the length of the KDF's secrets. In all cipher suites of RFC 9420, it is
    /// also the length of the hash.
    fn hash_len(&self) -> usize;

    /// Returns `AEAD.Nk`, the length of the AEAD's keys.
    fn aead_key_len(&self) -> usize;

    /// Returns `AEAD.Nn`, the length of the AEAD's nonces.
    fn aead_nonce_len(&self) -> usize;

    /// Returns `AEAD.Nt`, the length by which the AEAD's ciphertexts exceed their plaintexts.
    fn aead_tag_len(&self) -> usize;

    /// Returns the hash of the concatenation of `parts`, called `Hash` in RFC 9420.
    fn hash(&self, parts: &[&[u8]]) -> Digest;

    /// Returns the HMAC of the concatenation of `parts`, called `MAC` in RFC 9420.
    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest;

    /// Performs `KDF.Extract`, and returns `hash_len` bytes.
    fn extract(&self, salt: &[u8], ikm: &[u8]) -> SecretBytes;

    /// Performs `KDF.Expand` with the concatenation of the parts in `info`, and returns `len`
    /// bytes.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if `len` exceeds 255 times `hash_len`, or if `secret`
    /// is shorter than `hash_len`.
    fn expand(&self, secret: &[u8], info: &[&[u8]], len: usize) -> Result<SecretBytes, CryptoError>;

    /// Performs `KDF.Expand` of one secret with each pair of info and length, and returns the
    /// outputs in the same order.
    ///
    /// The backends of this crate set up the HMAC key only once for all outputs.
    ///
    /// # Errors
    /// Returns the same errors as [`Primitives::expand`].
    fn expand_many(&self, secret: &[u8], infos: &[(&[u8], usize)]) -> Result<Vec<SecretBytes>, CryptoError> {
        infos.iter().map(|(info, len)| self.expand(secret, &[info], *len)).collect()
    }

    /// Performs `AEAD.Seal`, and returns the ciphertext followed by the tag.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if the key or the nonce has the wrong length, and
    /// [`CryptoError::EncryptionFailed`] if the plaintext is too long.
    fn aead_seal(
        &self,
        key: &AeadKey,
        nonce: &AeadNonce,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;

    /// Performs `AEAD.Open`, and returns the plaintext.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidLength`] if the key or the nonce has the wrong length, and
    /// [`CryptoError::DecryptionFailed`] if decryption fails for any other reason.
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
    /// Returns [`CryptoError::InvalidPrivateKey`] if no key can be derived from `ikm`, which
    /// happens with negligible probability.
    fn hpke_derive_key_pair(&self, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError>;

    /// Generates a key pair of the KEM.
    ///
    /// # Errors
    /// Returns the same errors as [`Primitives::hpke_derive_key_pair`].
    fn hpke_generate_key_pair(&self, rng: &mut dyn CryptoRng) -> Result<HpkeKeyPair, CryptoError>;

    /// Computes the public key of a private key, and returns both as a key pair.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPrivateKey`] if the private key is malformed.
    fn hpke_key_pair(&self, private: HpkePrivateKey) -> Result<HpkeKeyPair, CryptoError>;

    /// Checks that a public key of the KEM is valid for encryption.
    ///
    /// Only the canonical encoding of a point on the curve is accepted:
    /// - X25519 and X448: a number below the field's prime that is not a point of low order. RFC
    ///   7748 would reduce larger numbers, but a key must not have two encodings, because keys are
    ///   compared to ensure that they are unique.
    /// - NIST curves: the uncompressed form.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPublicKey`] if the public key is not accepted.
    fn check_hpke_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError>;

    /// Performs `SealBase` (RFC 9180, section 6.1).
    ///
    /// The ephemeral key must depend on the whole message, not only on the random number generator.
    /// An implementation derives it from random bytes, the recipient, `info`, `aad` and the
    /// plaintext. The generator may repeat its state, for example after a virtual machine is
    /// restored from a snapshot. If the state repeats, the ephemeral key repeats only if the whole
    /// ciphertext repeats.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPublicKey`] if [`Primitives::check_hpke_public_key`] rejects
    /// the public key, and [`CryptoError::EncryptionFailed`] if the plaintext is too long.
    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<HpkeCiphertext, CryptoError>;

    /// Performs `SealBase` (RFC 9180, section 6.1) for many recipients, with the same `info` and
    /// without additional data. The results are the same as those of calling
    /// [`Primitives::hpke_seal`] with the same generator for one message after another.
    ///
    /// The backends of this crate hash `info` once and distribute the remaining work over the
    /// cores.
    ///
    /// # Errors
    /// Returns the position of the first message that cannot be encrypted, together with the
    /// reason.
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

    /// Performs `OpenBase` (RFC 9180, section 6.1). An implementation must reject a KEM output that
    /// [`Primitives::check_hpke_public_key`] would not accept.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPrivateKey`] if the key pair is malformed, and
    /// [`CryptoError::DecryptionFailed`] if decryption fails for any other reason.
    fn hpke_open(
        &self,
        key_pair: &HpkeKeyPair,
        info: &[u8],
        aad: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError>;

    /// Performs `SetupBaseS` followed by `Context.Export` (RFC 9180, section 6.2). Returns the KEM
    /// output and `len` exported bytes.
    ///
    /// The ephemeral key is derived from random bytes, the recipient, `info` and the exporter
    /// context, as in [`Primitives::hpke_seal`].
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPublicKey`] if [`Primitives::check_hpke_public_key`] rejects
    /// the public key, and [`CryptoError::InvalidLength`] if `len` exceeds 255 times `hash_len`.
    fn hpke_send_export(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        exporter_context: &[u8],
        len: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<(KemOutput, SecretBytes), CryptoError>;

    /// Performs `SetupBaseR` followed by `Context.Export` (RFC 9180, section 6.2). Returns `len`
    /// exported bytes.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPrivateKey`] if the key pair is malformed,
    /// [`CryptoError::InvalidLength`] if `len` exceeds 255 times `hash_len`, and
    /// [`CryptoError::DecryptionFailed`] if the operation fails for any other reason.
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
    /// Returns [`CryptoError::BrokenRandomness`] if the random number generator does not produce a
    /// valid key.
    fn signature_generate_key(&self, rng: &mut dyn CryptoRng) -> Result<SignaturePrivateKey, CryptoError>;

    /// Prepares a private key for signing.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPrivateKey`] if the private key is malformed.
    fn signer(&self, private: &SignaturePrivateKey) -> Result<Box<dyn Signer>, CryptoError>;

    /// Checks that a public key of the signature scheme is one that [`Primitives::verify`] accepts.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPublicKey`] if the public key is not accepted.
    fn check_signature_public_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError>;

    /// Verifies a signature.
    ///
    /// The conditions for accepting a signature depend on the signature scheme:
    /// - Ed25519: `R` and the public key are canonically encoded (RFC 8032, section 5.1.3). The
    ///   public key is not of low order. `S` is below the order of the group. The equation of RFC
    ///   8032, section 5.1.7, holds with the cofactor: `[8][S]B = [8]R + [8][k]A`. Batch
    ///   verification can check only this form, not the one without the cofactor. No honest signer
    ///   creates a signature that satisfies only one of the two forms.
    /// - Ed448: `R` and the public key are canonically encoded and in the subgroup of prime order.
    ///   Neither `R` nor the public key is the neutral element. `S` is below the order of the group
    ///   and not 0.
    /// - ECDSA: the public key is an uncompressed point on the curve. The signature is encoded in
    ///   DER, and `r` and `s` are at least 1 and below the order of the group. Both possible values
    ///   of `s` are accepted.
    ///
    /// # Errors
    /// Returns [`CryptoError::InvalidPublicKey`] if the public key is not accepted, and
    /// [`CryptoError::InvalidSignature`] if the signature is not accepted.
    fn verify(
        &self,
        public: &SignaturePublicKey,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), CryptoError>;

    /// Verifies many signatures, and accepts them if and only if [`Primitives::verify`] accepts
    /// each of them.
    ///
    /// # Errors
    /// Returns the position of the first rejected signature, together with the reason.
    fn verify_batch(&self, messages: &[SignedMessage<'_>]) -> Result<(), (usize, CryptoError)> {
        messages.iter().enumerate().try_for_each(|(position, signed)| {
            self.verify(signed.public, signed.message, signed.signature).map_err(|error| (position, error))
        })
    }
}

/// A message to encrypt, with the key of its recipient. This type does not implement `Debug`,
/// because the message is secret.
#[derive(Clone, Copy)]
pub struct HpkeMessage<'a> {
    /// The public key of the recipient.
    pub public: &'a HpkePublicKey,
    /// The message to encrypt.
    pub plaintext: &'a [u8],
}

/// A message with a signature that is to be verified.
#[derive(Debug, Clone, Copy)]
pub struct SignedMessage<'a> {
    /// The public key of the signer.
    pub public: &'a SignaturePublicKey,
    /// The message that was signed.
    pub message: &'a [u8],
    /// The signature of the message.
    pub signature: &'a Signature,
}

/// A private signature key, which may be stored in memory or elsewhere.
///
/// [`Primitives::signer`] creates a signer from a key in memory. An application that stores its
/// keys in hardware implements this trait itself.
pub trait Signer: Send + Sync {
    /// Returns the public key that belongs to this private key.
    fn public_key(&self) -> &SignaturePublicKey;

    /// Signs a message.
    ///
    /// # Errors
    /// Returns the [`CryptoError`] that describes the failure best if the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError>;
}
