//! What can go wrong in a cryptographic operation. As little as possible is said of secrets.

use pando_wire::EncodeError;

/// Why a cryptographic operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// A public key is malformed, not in its one encoding, or of low order.
    #[error("invalid public key")]
    InvalidPublicKey,
    /// A private key is malformed.
    #[error("invalid private key")]
    InvalidPrivateKey,
    /// A signature is malformed or does not fit the key and the message.
    #[error("invalid signature")]
    InvalidSignature,
    /// A ciphertext could not be opened. Whether the key, the context or the ciphertext is wrong cannot be
    /// told.
    #[error("decryption failed")]
    DecryptionFailed,
    /// A plaintext is too long for the AEAD.
    #[error("encryption failed")]
    EncryptionFailed,
    /// A secret, key, nonce or output has a length that the cipher suite does not allow.
    #[error("a length that the cipher suite does not allow")]
    InvalidLength,
    /// The random number generator keeps giving values that cannot be keys.
    #[error("the random number generator is broken")]
    BrokenRandomness,
    /// Something is too long to be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
