//! The key schedule (RFC 9420, section 8) and the secret tree (section 9).
//!
//! Each stage of the key schedule is a type that offers only the derivations of that stage.
//! Therefore no stage can be skipped and no wrong label can be used:
//!
//! ```text
//! InitSecret --(CommitSecret, GroupContext)--> JoinerSecret --(PskSecret)--> IntermediateSecret
//!     IntermediateSecret --> WelcomeSecret
//!     IntermediateSecret --(GroupContext)--> EpochSecret --> EpochSecrets
//! EpochSecrets: SenderDataSecret, EncryptionSecret --> SecretTree, ExporterSecret, ExternalSecret,
//!     ConfirmationKey, MembershipKey, ResumptionPsk, EpochAuthenticator, and the next InitSecret
//! ```
//!
//! ```
//! use pando_crypto::{CryptoProvider, RustCrypto};
//! use pando_schedule::EpochSecret;
//! use pando_wire::CipherSuite;
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
//!
//! // A new group starts with a random epoch secret (section 11).
//! let suite = RustCrypto.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519).unwrap();
//! let secrets = EpochSecret::random(suite, &mut rng).derive(suite)?;
//! let key = secrets.exporter.export(suite, "my label", b"my context", 16)?;
//! assert_eq!(key.expose().len(), 16);
//! # Ok::<(), pando_schedule::ScheduleError>(())
//! ```
//!
//! # Left out on purpose
//!
//! Except in the secret tree, this crate does not decide when a secret is consumed and deleted
//! (section 9.2). The caller drops each stage after creating the next one. A function takes a
//! secret by value if the secret is not needed elsewhere.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "an overflow fails the test"
    )
)]

mod error;
mod key_schedule;
mod psk;
mod ratchet;
mod secret_tree;
mod transcript;
mod welcome;

pub use error::ScheduleError;
pub use key_schedule::{
    CommitSecret, ConfirmationKey, EncryptionSecret, EpochAuthenticator, EpochSecret, EpochSecrets,
    ExporterSecret, ExternalSecret, InitSecret, IntermediateSecret, JoinerSecret, MembershipKey,
    ResumptionPsk, SenderDataSecret,
};
pub use psk::{PskSecret, PskValue};
pub use ratchet::{MessageKey, RatchetLimits};
pub use secret_tree::{RatchetType, SecretId, SecretTree, UsedKey};
pub use transcript::{ConfirmedTranscriptHash, InterimTranscriptHash};
pub use welcome::WelcomeSecret;
