//! Errors of the key schedule and the secret tree.

use crate::SecretId;
use pando_crypto::CryptoError;
use pando_wire::{DecodeError, EncodeError, LeafIndex};

/// An error that occurs while a secret or a key is derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A value is too long to be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A GroupInfo was decrypted, but it is malformed.
    #[error("malformed GroupInfo: {0}")]
    Decode(#[from] DecodeError),
    /// There are more pre-shared keys than a 16-bit count allows.
    #[error("more than 65,535 pre-shared keys")]
    TooManyPsks,
    /// The secret tree does not have this leaf.
    #[error("secret tree has no {0}")]
    NoSuchLeaf(LeafIndex),
    /// A generation is further ahead than the [`RatchetLimits`](crate::RatchetLimits) allow.
    #[error("generation {generation} is too far ahead of the next generation {next}")]
    GenerationTooFarAhead {
        /// The generation of the requested key.
        generation: u32,
        /// The next generation of the ratchet.
        next: u32,
    },
    /// The key of a generation has already been used, or was deleted because it was too old.
    #[error("key of generation {0} was used before or is too old")]
    KeyGone(u32),
    /// All 2^32 generations of a ratchet have been used.
    #[error("ratchet is exhausted")]
    RatchetExhausted,
    /// A stored secret of the secret tree is malformed or missing.
    #[error("stored secret is malformed or missing: {0:?}")]
    Stored(SecretId),
}
