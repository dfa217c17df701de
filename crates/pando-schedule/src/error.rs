//! What can go wrong in the key schedule and the secret tree.

use crate::SecretId;
use pando_crypto::CryptoError;
use pando_wire::{DecodeError, EncodeError, LeafIndex};

/// Why a secret could not be derived or a key not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Something is too long to be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A GroupInfo was decrypted and is malformed.
    #[error("malformed GroupInfo: {0}")]
    Decode(#[from] DecodeError),
    /// More pre-shared keys than can be counted in 16 bits.
    #[error("more than 65,535 pre-shared keys")]
    TooManyPsks,
    /// The secret tree has no such leaf.
    #[error("the secret tree has no {0}")]
    NoSuchLeaf(LeafIndex),
    /// A generation is further ahead than [`RatchetLimits`](crate::RatchetLimits) allow.
    #[error("generation {generation} is too far ahead of {next}, the next one")]
    GenerationTooFarAhead {
        /// The generation that was asked for.
        generation: u32,
        /// The generation that comes next.
        next: u32,
    },
    /// The key of a generation was used before, or was dropped because it was too old.
    #[error("the key of generation {0} was used before or is too old")]
    KeyGone(u32),
    /// All 2^32 generations of a ratchet have been used.
    #[error("the ratchet has come to its end")]
    RatchetExhausted,
    /// What was stored of a secret tree is malformed, or a part of it is missing.
    #[error("a stored secret is malformed or missing: {0:?}")]
    Stored(SecretId),
}
