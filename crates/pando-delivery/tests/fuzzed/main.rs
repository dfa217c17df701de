//! Runs the fuzz targets of the delivery service (`fuzz/`): on inputs that fuzzing has found, which
//! are kept in `fuzz/kept`, and on random inputs.

#![allow(clippy::disallowed_methods, reason = "the clients store nothing")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a panic fails the test; the fuzz targets are a package of their own"
)]

#[path = "../../../../fuzz/src/api_requests.rs"]
mod api_requests;
#[allow(dead_code, reason = "each program of tests uses a part of them")]
#[path = "../support/clients.rs"]
mod clients;
#[path = "../../../../fuzz/src/delivery/mod.rs"]
mod delivery;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::fs;
use std::path::Path;

/// Runs a target on all inputs that are kept for it. Each line contains one input in hexadecimal
/// digits.
fn run_kept(target: &str, run: fn(&[u8])) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/kept").join(target);
    let text = fs::read_to_string(file).unwrap();
    assert!(text.len() < 100_000 && text.lines().count() >= 10, "{target}");
    for line in text.lines() {
        let digits: Vec<_> = line.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
        let bytes: Vec<_> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        run(&bytes);
    }
}

/// Runs a target on random inputs of up to `longest` bytes.
fn run_random(count: u64, longest: usize, run: fn(&[u8])) {
    for seed in 0..count {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut input = vec![0; longest];
        rng.fill_bytes(&mut input);
        input.truncate(rng.next_u32() as usize % longest);
        run(&input);
    }
}

#[test]
fn api_requests() {
    run_kept("api_requests", api_requests::api_requests);
    run_random(20_000, 64, api_requests::api_requests);
}

#[test]
fn service() {
    run_kept("service", delivery::service);
    run_random(60, 140, delivery::service);
}
