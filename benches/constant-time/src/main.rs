//! Measures whether the time to compare tags, MACs and secrets depends on the position of the first
//! difference. The method is [dudect](https://eprint.iacr.org/2016/1123): inputs of two classes are
//! timed in random order, and Welch's t-test compares the two distributions of times.
//!
//! In the left class, the two values differ in the last byte; in the right class, they differ in
//! the first byte. If a comparison stops early, its times differ between the classes. The
//! `control_*` comparisons stop early, so their `max t` must be large. All other comparisons must
//! have a small `max t`. A `max t` above 5 indicates that the time depends on the secret; above 10,
//! this is certain.

use dudect_bencher::rand::{Rng, RngExt};
use dudect_bencher::{BenchRng, Class, CtRunner, ctbench_main};
use pando_crypto::{CryptoProvider, Digest, RustCrypto, Suite};
use pando_schedule::EpochAuthenticator;
use pando_wire::{CipherSuite, Mac, SecretBytes};
use std::hint::black_box;

/// Number of samples per comparison.
const SAMPLES: usize = 100_000;
/// Number of repetitions in each sample. A single comparison would be too short, because reading
/// the clock takes as long as one comparison.
const REPEAT: usize = 50;
const LEN: usize = 64;

fn random(len: usize, rng: &mut BenchRng) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Returns pairs of values that differ in the last byte in the left class, and in the first byte in
/// the right class. The values of a pair are never equal, so that the result of the comparison is
/// always the same.
fn pairs(len: usize, rng: &mut BenchRng) -> Vec<(Class, Vec<u8>, Vec<u8>)> {
    (0..SAMPLES)
        .map(|_| {
            let one = random(len, rng);
            let mut other = one.clone();
            let class = if rng.random::<bool>() { Class::Left } else { Class::Right };
            match class {
                Class::Left => other[len - 1] ^= 1,
                Class::Right => other[0] ^= 1,
            }
            (class, one, other)
        })
        .collect()
}

/// Times the comparison `equal` of two values. `make` creates the values from bytes before the
/// measurement.
fn compare<T>(
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    make: impl Fn(&[u8]) -> T,
    equal: impl Fn(&T, &T) -> bool,
) {
    // Create one pair at a time in the same memory, so that no address depends on the class.
    for (class, one, other) in pairs(LEN, rng) {
        let (one, other) = (make(&one), make(&other));
        runner.run_one(class, || (0..REPEAT).filter(|_| equal(black_box(&one), black_box(&other))).count());
    }
}

fn suite() -> Suite {
    RustCrypto.suite(CipherSuite::ALL[0]).expect("the backend has all suites")
}

/// Compares two values with an early exit.
fn stops_early(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| black_box(*one) == *other)
}

fn control_stops_early(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(runner, rng, <[u8]>::to_vec, |one, other| stops_early(one, other));
}

fn mac(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(runner, rng, |bytes| Mac::from(bytes), |one, other| one == other);
}

fn secret_bytes(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(runner, rng, |bytes| SecretBytes::from(bytes), |one, other| one == other);
}

fn digest(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(runner, rng, |bytes| Digest::new(bytes).expect("short"), |one, other| one == other);
}

fn digest_matches(runner: &mut CtRunner, rng: &mut BenchRng) {
    let make = |bytes: &[u8]| (Digest::new(bytes).expect("short"), bytes.to_vec());
    compare(runner, rng, make, |(one, _), (_, other)| one.matches(other));
}

fn epoch_authenticator(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(runner, rng, |bytes| EpochAuthenticator::from(bytes), |one, other| one == other);
}

/// Times the verification of a MAC that differs from the correct one in the last or in the first
/// byte. The same function verifies membership tags and confirmation tags.
fn verify_mac(runner: &mut CtRunner, rng: &mut BenchRng) {
    tag(runner, rng, |key, message, tag| suite().verify_mac(key, &[message], tag));
}

fn control_verify_mac_stops_early(runner: &mut CtRunner, rng: &mut BenchRng) {
    // Repeat the comparison, because computing the MAC takes far longer than comparing it.
    tag(runner, rng, |key, message, tag| {
        let right = suite().mac(key, &[message]);
        (0..16).all(|_| stops_early(&right, tag))
    });
}

fn tag(runner: &mut CtRunner, rng: &mut BenchRng, verify: impl Fn(&[u8], &[u8], &[u8]) -> bool) {
    let key = random(32, rng);
    for _ in 0..SAMPLES {
        let message = random(64, rng);
        let mut tag = suite().mac(&key, &[&message]).to_vec();
        let class = if rng.random::<bool>() { Class::Left } else { Class::Right };
        match class {
            Class::Left => tag[31] ^= 1,
            Class::Right => tag[0] ^= 1,
        }
        runner.run_one(class, || verify(black_box(&key), black_box(&message), black_box(&tag)));
    }
}

ctbench_main!(
    control_stops_early,
    control_verify_mac_stops_early,
    mac,
    secret_bytes,
    digest,
    digest_matches,
    epoch_authenticator,
    verify_mac
);
