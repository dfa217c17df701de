//! Groups of up to 1,000 members, through the public interface, in fresh trees (only one path has
//! keys) and in warm ones (every parent has a key). The program `large-group` measures larger
//! groups and more operations.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that fails has no result")]

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use pando_benches::crowd::{Crowd, timed};
use pando_benches::round::Round;
use pando_benches::{Crypto, suite};
use pando_crypto::RustCrypto;
use std::time::Duration;

const SIZES: [u32; 4] = [2, 10, 100, 1_000];

/// Runs all steps of an operation and returns the time of one of them. The other steps prepare the
/// next run.
type Measured = fn(&mut Crowd) -> Duration;

const MEASURED: [(&str, Measured); 8] = [
    ("create update", |crowd| crowd.update().create),
    ("process update", |crowd| crowd.update().process),
    ("create add", |crowd| add_and_remove(crowd)[0].create),
    ("process add", |crowd| add_and_remove(crowd)[0].process),
    ("create remove", |crowd| add_and_remove(crowd)[1].create),
    ("process remove", |crowd| add_and_remove(crowd)[1].process),
    ("encrypt 32 bytes", |crowd| message(crowd)[0]),
    ("decrypt 32 bytes", |crowd| message(crowd)[1]),
];

fn add_and_remove(crowd: &mut Crowd) -> [Round; 2] {
    let (added, leaf) = crowd.add(true);
    [added, crowd.remove(leaf)]
}

fn message(crowd: &mut Crowd) -> [Duration; 2] {
    let Crowd { committer, receiver, rng, .. } = crowd;
    let (message, encrypt) = timed(|| committer.encrypt(&[7; 32], rng));
    let (_, decrypt) = timed(|| receiver.decrypt(&message));
    [encrypt, decrypt]
}

fn group(criterion: &mut Criterion) {
    let crypto = Crypto { provider: &RustCrypto, suite: suite() };
    let mut group = criterion.benchmark_group("group");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for size in SIZES {
        let trees = [("fresh", Crowd::fresh(crypto, size)), ("warm", Crowd::warm(crypto, size))];
        for (name, mut crowd) in trees {
            for (what, measured) in MEASURED {
                group.bench_function(BenchmarkId::new(format!("{what}, {name}"), size), |bencher| {
                    bencher.iter_custom(|times| (0..times).map(|_| measured(&mut crowd)).sum());
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, group);
criterion_main!(benches);
