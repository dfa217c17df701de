//! Tests of whole backends, with one file for each topic.

#[cfg(feature = "aws-lc")]
mod aws_lc;
mod bad_points;
mod ed25519_batch;
mod ed25519_criterion;
#[cfg(feature = "curve448")]
mod ed448_criterion;
mod hpke;
mod hpke_hedge;
mod hpke_many;
mod hpke_vectors;
mod known_signatures;
mod labels;
mod signatures;
mod suites;
mod symmetric;
mod wycheproof;

use crate::{CryptoProvider, RustCrypto, Suite};
use pando_wire::CipherSuite;
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use std::convert::Infallible;

/// Returns a generator that produces the same numbers in every run.
fn seeded(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// The enabled backends.
#[cfg(not(feature = "aws-lc"))]
const BACKENDS: [&dyn CryptoProvider; 1] = [&RustCrypto];
#[cfg(feature = "aws-lc")]
const BACKENDS: [&dyn CryptoProvider; 2] = [&RustCrypto, &crate::AwsLc];

/// Returns the implementations of a cipher suite in all backends that support it.
fn each(number: u16) -> impl Iterator<Item = Suite> {
    BACKENDS.into_iter().filter_map(move |backend| backend.suite(CipherSuite(number)))
}

/// Returns the implementations of all cipher suites of RFC 9420 in all backends.
fn all_suites() -> impl Iterator<Item = Suite> {
    (1..=7).flat_map(each)
}

/// Returns copies of `bytes` in which one bit is changed, namely the lowest and then the highest
/// bit of each byte.
fn with_each_byte_changed(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(move |position| {
        [0x01, 0x80].map(|bit| {
            let mut changed = bytes.to_vec();
            changed[position] ^= bit;
            changed
        })
    })
}

/// A generator that repeats the given bytes.
struct Repeating {
    bytes: Vec<u8>,
    position: usize,
}

impl Repeating {
    fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), position: 0 }
    }
}

impl TryRng for Repeating {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.bytes[self.position % self.bytes.len()];
            self.position += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Repeating {}
