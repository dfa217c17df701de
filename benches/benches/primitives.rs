//! Benchmarks of the primitives of each cipher suite, in pure Rust and, if the feature `aws-lc` is
//! enabled, with AWS-LC.

#![allow(
    clippy::unwrap_used,
    clippy::unreachable,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark that fails has no result"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pando_benches::rng;
use pando_crypto::{AeadKey, AeadNonce, CryptoProvider, HpkeMessage, RustCrypto, SignedMessage, Suite};
use pando_wire::CipherSuite;
use std::hint::black_box;

/// Returns the cipher suites of each backend. Each suite is named after its backend and its number.
fn suites() -> impl Iterator<Item = (String, Suite)> {
    let backends: Vec<(&str, &dyn CryptoProvider)> = vec![
        ("rust", &RustCrypto),
        #[cfg(feature = "aws-lc")]
        ("aws-lc", &pando_crypto::AwsLc),
    ];
    backends.into_iter().flat_map(|(name, backend)| {
        CipherSuite::ALL
            .into_iter()
            .filter_map(move |id| Some((format!("{name} {}", id.0), backend.suite(id)?)))
    })
}

/// Returns the cipher suite that every implementation supports, once for each backend.
fn first_suites() -> impl Iterator<Item = (String, Suite)> {
    suites().filter(|(_, suite)| suite.cipher_suite() == CipherSuite::ALL[0])
}

fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signature");
    let message = vec![7; 300];
    for (id, suite) in suites() {
        let signer = suite.signer(&suite.signature_generate_key(&mut rng()).unwrap()).unwrap();
        group.bench_function(BenchmarkId::new("sign", &id), |b| b.iter(|| signer.sign(black_box(&message))));
        let signature = signer.sign(&message).unwrap();
        group.bench_function(BenchmarkId::new("verify", &id), |b| {
            b.iter(|| suite.verify(signer.public_key(), black_box(&message), &signature).unwrap());
        });
    }
    group.finish();
}

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ed25519 batch");
    // All backends share the code that verifies batches, so one backend is enough.
    let suite = RustCrypto.suite(CipherSuite::ALL[0]).unwrap();
    for size in [2, 4, 8, 64, 256, 1_024, 4_096] {
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
    for (id, suite) in suites() {
        let mut rng = rng();
        group.bench_function(BenchmarkId::new("generate", &id), |b| {
            b.iter(|| suite.hpke_generate_key_pair(&mut rng).unwrap());
        });
        let key_pair = suite.hpke_generate_key_pair(&mut rng).unwrap();
        group.bench_function(BenchmarkId::new("seal 32 B", &id), |b| {
            b.iter(|| suite.hpke_seal(&key_pair.public, b"info", b"", &[7; 32], &mut rng).unwrap());
        });
        let sealed = suite.hpke_seal(&key_pair.public, b"info", b"", &[7; 32], &mut rng).unwrap();
        group.bench_function(BenchmarkId::new("open 32 B", &id), |b| {
            b.iter(|| suite.hpke_open(&key_pair, b"info", b"", black_box(&sealed)).unwrap());
        });
    }
    group.finish();
}

/// Measures encryption to many recipients: of a path, with few recipients and a short context, and
/// of a Welcome, with a long context.
fn hpke_to_many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hpke to many");
    for (id, suite) in first_suites() {
        let mut rng = rng();
        let recipients: Vec<_> =
            (0..1_000).map(|_| suite.hpke_generate_key_pair(&mut rng).unwrap()).collect();
        let messages: Vec<_> = recipients
            .iter()
            .map(|recipient| HpkeMessage { public: &recipient.public, plaintext: &[7; 32] })
            .collect();
        for (name, info) in [("300 B", vec![7; 300]), ("200 kB", vec![7; 200_000])] {
            for count in [1, 2, 17, 1_000] {
                group.throughput(Throughput::Elements(count as u64));
                group.bench_function(BenchmarkId::new(format!("{count} under {name}"), &id), |b| {
                    b.iter(|| suite.hpke_seal_many(&info, &messages[..count], &mut rng).unwrap());
                });
            }
            group.throughput(Throughput::Elements(17));
            group.bench_function(BenchmarkId::new(format!("17 one by one under {name}"), &id), |b| {
                b.iter(|| {
                    for HpkeMessage { public, plaintext } in &messages[..17] {
                        black_box(suite.hpke_seal(public, &info, b"", plaintext, &mut rng).unwrap());
                    }
                });
            });
        }
    }
    group.finish();
}

fn symmetric(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("symmetric");
    for (id, suite) in suites() {
        group.bench_function(BenchmarkId::new("hash 64 B", &id), |b| {
            b.iter(|| suite.hash(black_box(&[&[7; 64]])));
        });
        group.bench_function(BenchmarkId::new("hash 64 KiB", &id), |b| {
            let bytes = vec![7; 65_536];
            b.iter(|| suite.hash(black_box(&[&bytes])));
        });
        let secret = vec![7; suite.hash_len()];
        group.bench_function(BenchmarkId::new("expand with label", &id), |b| {
            b.iter(|| suite.expand_with_label(black_box(&secret), "label", &[], suite.hash_len()).unwrap());
        });
        let key = AeadKey::from(vec![7; suite.aead_key_len()]);
        let nonce = AeadNonce::from(vec![7; suite.aead_nonce_len()]);
        let plaintext = vec![7; 1_024];
        group.bench_function(BenchmarkId::new("aead seal 1 KiB", &id), |b| {
            b.iter(|| suite.aead_seal(&key, &nonce, b"", black_box(&plaintext)).unwrap());
        });
        let plaintext = vec![7; 65_536];
        group.bench_function(BenchmarkId::new("aead seal 64 KiB", &id), |b| {
            b.iter(|| suite.aead_seal(&key, &nonce, b"", black_box(&plaintext)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, signatures, batches, hpke, hpke_to_many, symmetric);
criterion_main!(benches);
