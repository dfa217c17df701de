//! The primitives of each cipher suite.

#![allow(
    clippy::unwrap_used,
    clippy::unreachable,
    missing_docs,
    reason = "a benchmark that fails has no result"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pando_benches::{rng, suite, suites};
use pando_crypto::{AeadKey, AeadNonce, SignedMessage};
use std::hint::black_box;

fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signature");
    let message = vec![7; 300];
    for suite in suites() {
        let id = suite.cipher_suite().0;
        let signer = suite.signer(&suite.signature_generate_key(&mut rng()).unwrap()).unwrap();
        group.bench_function(BenchmarkId::new("sign", id), |b| b.iter(|| signer.sign(black_box(&message))));
        let signature = signer.sign(&message).unwrap();
        group.bench_function(BenchmarkId::new("verify", id), |b| {
            b.iter(|| suite.verify(signer.public_key(), black_box(&message), &signature).unwrap());
        });
    }
    group.finish();
}

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ed25519 batch");
    let suite = suite();
    for size in [8, 64, 1_024] {
        let mut rng = rng();
        let signers: Vec<_> = (0..size)
            .map(|_| suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap())
            .collect();
        let messages: Vec<_> = (0_u64..size).map(|number| number.to_be_bytes().repeat(25)).collect();
        let signatures: Vec<_> =
            signers.iter().zip(&messages).map(|(signer, message)| signer.sign(message).unwrap()).collect();
        let signed: Vec<_> = signers
            .iter()
            .zip(&messages)
            .zip(&signatures)
            .map(|((signer, message), signature)| SignedMessage {
                public: signer.public_key(),
                message,
                signature,
            })
            .collect();
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| suite.verify_batch(black_box(&signed)).unwrap());
        });
    }
    group.finish();
}

fn hpke(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hpke");
    for suite in suites() {
        let (id, mut rng) = (suite.cipher_suite().0, rng());
        group.bench_function(BenchmarkId::new("generate", id), |b| {
            b.iter(|| suite.hpke_generate_key_pair(&mut rng).unwrap());
        });
        let key_pair = suite.hpke_generate_key_pair(&mut rng).unwrap();
        group.bench_function(BenchmarkId::new("seal 32 B", id), |b| {
            b.iter(|| suite.hpke_seal(&key_pair.public, b"info", b"", &[7; 32], &mut rng).unwrap());
        });
        let sealed = suite.hpke_seal(&key_pair.public, b"info", b"", &[7; 32], &mut rng).unwrap();
        group.bench_function(BenchmarkId::new("open 32 B", id), |b| {
            b.iter(|| suite.hpke_open(&key_pair, b"info", b"", black_box(&sealed)).unwrap());
        });
    }
    group.finish();
}

fn symmetric(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("symmetric");
    for suite in suites() {
        let id = suite.cipher_suite().0;
        group.bench_function(BenchmarkId::new("hash 64 B", id), |b| {
            b.iter(|| suite.hash(black_box(&[&[7; 64]])));
        });
        let secret = vec![7; suite.hash_len()];
        group.bench_function(BenchmarkId::new("expand with label", id), |b| {
            b.iter(|| suite.expand_with_label(black_box(&secret), "label", &[], suite.hash_len()).unwrap());
        });
        let key = AeadKey::from(vec![7; suite.aead_key_len()]);
        let nonce = AeadNonce::from(vec![7; suite.aead_nonce_len()]);
        let plaintext = vec![7; 1_024];
        group.bench_function(BenchmarkId::new("aead seal 1 KiB", id), |b| {
            b.iter(|| suite.aead_seal(&key, &nonce, b"", black_box(&plaintext)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, signatures, batches, hpke, symmetric);
criterion_main!(benches);
