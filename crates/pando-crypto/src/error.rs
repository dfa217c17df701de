//! Errors of cryptographic operations, which reveal as little as possible about secrets.

use pando_wire::EncodeError;

/// An error of a cryptographic operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// A public key is malformed, not canonically encoded, or of low order.
    #[error("invalid public key")]
    InvalidPublicKey,
    /// A private key is malformed.
    #[error("invalid private key")]
    InvalidPrivateKey,
    /// A signature is malformed or does not match the key and the message.
    #[error("invalid signature")]
    InvalidSignature,
    /// A ciphertext cannot be decrypted. It is unknown whether the key, the context or the
    /// ciphertext is wrong.
    #[error("decryption failed")]
    DecryptionFailed,
    /// A plaintext is too long to be encrypted with the AEAD.
    #[error("encryption failed")]
    EncryptionFailed,
    /// A secret, key, nonce or output has a length that the cipher suite does not allow.
    #[error("invalid length for the cipher suite")]
    InvalidLength,
    /// The random number generator has repeatedly returned values that are not valid keys.
    #[error("random number generator is broken")]
    BrokenRandomness,
    /// A value is too long to be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
