//! Code that the benchmarks share.

#![allow(clippy::disallowed_methods, reason = "the benchmark measures the Deltas, or nothing is stored")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::missing_panics_doc,
    reason = "a benchmark that fails has no result"
)]

pub mod heap;
pub mod large_group;
pub mod large_tree;
pub mod round;
pub mod stored_member;
pub mod test_client;
pub mod warm_tree;

use pando_crypto::{CryptoProvider, RustCrypto, Suite};
use pando_wire::{CipherSuite, Extensions, GroupContext, ProtocolVersion};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Returns a random number generator with the same output in every run.
#[must_use]
pub fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(0)
}

/// A cipher suite and its backend.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "for benchmarks only")]
pub struct Crypto {
    /// The cryptographic backend.
    pub provider: &'static dyn CryptoProvider,
    /// The cipher suite.
    pub suite: Suite,
}

/// Returns the backend with the given name, if it exists and is compiled in.
#[must_use]
pub fn provider(name: &str) -> Option<&'static dyn CryptoProvider> {
    match name {
        "rustcrypto" => Some(&RustCrypto),
        #[cfg(feature = "aws-lc")]
        "aws-lc" => Some(&pando_crypto::AwsLc),
        _ => None,
    }
}

/// Returns the seven cipher suites.
pub fn suites() -> impl Iterator<Item = Suite> {
    CipherSuite::ALL.into_iter().map(|id| RustCrypto.suite(id).unwrap())
}

/// Returns the cipher suite that every implementation supports.
#[must_use]
pub fn suite() -> Suite {
    suites().next().unwrap()
}

/// Returns a GroupContext for the given cipher suite.
#[must_use]
pub fn context(suite: Suite) -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite.cipher_suite(),
        group_id: vec![1; 16].into(),
        epoch: 1_000,
        tree_hash: vec![2; suite.hash_len()].into(),
        confirmed_transcript_hash: vec![3; suite.hash_len()].into(),
        extensions: Extensions::default(),
    }
}
