//! Runs every decoder on valid, damaged and random input. Each result must be an error or a value
//! whose encoding is exactly the input. No decoder may panic, and memory use must stay proportional
//! to the input.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod common;

#[path = "decoders/boundaries.rs"]
mod boundaries;
#[path = "decoders/memory.rs"]
mod memory;

use common::random::Random;
use common::{Decoder, NOT_DECODED, decoders, shown};
use std::collections::BTreeSet;

/// The greatest length of a sample for which a test tries all 255 other values of each byte.
const SHORT: usize = 400;

/// The number of random byte strings for each type.
const RANDOM_STRINGS: usize = 10_000;

#[test]
fn every_public_type_is_in_the_table() {
    let exported: BTreeSet<&str> = include_str!("../src/lib.rs")
        .split("pub use ")
        .skip(1)
        .map(|text| text.split_once(';').unwrap().0)
        .flat_map(|path| path.split_once("::").unwrap().1.trim_matches(['{', '}']).split(','))
        .map(str::trim)
        // Only the names of types and traits contain both uppercase and lowercase letters.
        .filter(|name| name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase))
        .collect();
    assert!(exported.contains("Opaque") && exported.contains("Welcome"));

    let in_table: BTreeSet<&str> = decoders().iter().map(|decoder| decoder.name).collect();
    let listed: BTreeSet<&str> = in_table.iter().chain(NOT_DECODED).copied().collect();
    assert_eq!(exported, listed);
    assert_eq!(in_table.len() + NOT_DECODED.len(), listed.len(), "a type is in both lists");
}

#[test]
fn samples_survive_a_round_trip() {
    // The values themselves were already compared when the table was built.
    for decoder in decoders() {
        for sample in &decoder.samples {
            assert_eq!(decoder.check(sample).encoding.as_ref(), Ok(sample), "{}", decoder.name);
        }
    }
}

#[test]
fn truncated_input_is_refused() {
    for decoder in decoders() {
        for sample in &decoder.samples {
            for len in 0..sample.len() {
                let run = decoder.check(&sample[..len]);
                // A decoder that reads from left to right cannot succeed before the end of the
                // sample, except inside the padding.
                let padding = decoder.padded && sample[len..].iter().all(|&byte| byte == 0);
                assert!(run.encoding.is_err() || padding, "{}: {} of {}", decoder.name, len, shown(sample));
            }
        }
    }
}

#[test]
fn appended_bytes_are_refused() {
    for decoder in decoders() {
        for sample in &decoder.samples {
            for byte in 0..=255 {
                let mut bytes = sample.clone();
                bytes.push(byte);
                let run = decoder.check(&bytes);
                let padding = decoder.padded && byte == 0;
                assert_eq!(run.encoding.is_ok(), padding, "{}: {}", decoder.name, shown(&bytes));
            }
        }
    }
}

#[test]
fn any_changed_byte_is_noticed_or_kept() {
    let decoders = decoders();
    // Use two threads, because this test takes most of the time.
    let (some, others) = decoders.split_at(decoders.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| some.iter().for_each(change_every_byte));
        scope.spawn(|| others.iter().for_each(change_every_byte));
    });
}

fn change_every_byte(decoder: &Decoder) {
    for sample in &decoder.samples {
        let mut bytes = sample.clone();
        for position in 0..bytes.len() {
            let original = bytes[position];
            let mut change = |byte: u8| {
                bytes[position] = byte;
                decoder.check(&bytes);
                bytes[position] = original;
            };
            if sample.len() <= SHORT {
                (1..=255).for_each(|difference| change(original ^ difference));
            } else {
                // Flip every bit, and try the values at which the form of a length changes.
                (0..8).for_each(|bit| change(original ^ (1 << bit)));
                [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff].into_iter().for_each(change);
            }
        }
    }
}

#[test]
fn random_strings_are_refused_or_kept() {
    for decoder in decoders() {
        let mut random = Random::new(decoder.name);
        let strings = (0..RANDOM_STRINGS).map(|_| random.string(&decoder.samples));
        let decoded = strings.filter(|bytes| decoder.check(bytes).encoding.is_ok()).count();
        // Some of the strings must decode and some must fail; otherwise the test shows too little.
        assert!((1..RANDOM_STRINGS).contains(&decoded), "{}: {decoded}", decoder.name);
    }
}
