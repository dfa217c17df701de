//! The cipher suites of Messaging Layer Security (RFC 9420, section 5.1) and its labelled
//! operations (sections 5.1.2, 5.1.3, 5.2, 8 and 9).
//!
//! ```
//! use pando_crypto::{CryptoProvider, RustCrypto};
//! use pando_wire::CipherSuite;
//! # let mut rng = <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(1);
//!
//! let suite = RustCrypto.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519).unwrap();
//!
//! let recipient = suite.hpke_generate_key_pair(&mut rng)?;
//! let sealed = suite.encrypt_with_label(&recipient.public, "Welcome", b"context", b"secret", &mut rng)?;
//! let opened = suite.decrypt_with_label(&recipient, "Welcome", b"context", &sealed)?;
//! assert_eq!(opened.expose(), b"secret");
//!
//! let signer = suite.signer(&suite.signature_generate_key(&mut rng)?)?;
//! let signature = suite.sign_with_label(&*signer, "FramedContentTBS", b"content")?;
//! suite.verify_with_label(signer.public_key(), "FramedContentTBS", b"content", &signature)?;
//! # Ok::<(), pando_crypto::CryptoError>(())
//! ```
//!
//! # Concepts
//!
//! - A [`Suite`] is a small value that represents a [`CryptoProvider`]'s implementation of a cipher
//!   suite. The suite provides the labelled operations of the RFC, and dereferences to the
//!   [`Primitives`] on which they are based. Only providers refer to specific algorithms.
//! - [`RustCrypto`] implements all seven cipher suites of the RFC in pure Rust. Suites 4 and 6 need
//!   the default feature `curve448`, because their crates are pre-releases without an audit.
//! - `AwsLc`, which requires the feature `aws-lc` and a C compiler, implements the suites whose
//!   curves AWS-LC supports (1, 2, 3, 5 and 7). Compared with [`RustCrypto`], it signs and encrypts
//!   to public keys about twice as fast, but does not verify Ed25519 signatures faster.
//! - Work on many items is distributed over the cores by the module [`parallel`]. The result is the
//!   same as on a single core.
//! - Secrets have their own types, are zeroized on drop, are compared in constant time, and are
//!   never printed.
//! - Functions that need randomness take a random number generator as an argument. This crate never
//!   asks the operating system for randomness.
//!
//! # Accepted keys and signatures
//!
//! Two members must never disagree on whether a key or a signature is valid. Where the underlying
//! standards leave a choice, this crate therefore makes the same choice for all providers.
//! [`Primitives::check_hpke_public_key`] and [`Primitives::verify`] document these choices.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "an overflow fails the test"
    )
)]

mod algorithms;
#[cfg(feature = "aws-lc")]
mod aws_lc;
mod composed;
mod dhkem;
mod digest;
mod error;
mod hpke;
mod keys;
pub mod parallel;
mod provider;
mod rustcrypto;
mod suite;
#[cfg(test)]
mod tests;

#[cfg(feature = "aws-lc")]
pub use aws_lc::AwsLc;
pub use digest::Digest;
pub use error::CryptoError;
pub use keys::{AeadKey, AeadNonce, HpkeKeyPair, HpkePrivateKey, SignaturePrivateKey};
pub use pando_wire::SecretBytes;
pub use provider::{CryptoProvider, HpkeMessage, Primitives, SignedMessage, Signer};
pub use rand_core::{CryptoRng, Rng};
pub use rustcrypto::RustCrypto;
pub use suite::Suite;
