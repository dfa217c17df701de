//! Benchmarks of groups of up to 1,000 members through the public interface. In fresh trees, only
//! one path has keys; in warm trees, every parent has a key. The program `large-group` measures
//! larger groups and more operations.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that fails has no result")]

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use pando_benches::large_group::{LargeGroup, timed};
use pando_benches::round::Round;
use pando_benches::{Crypto, suite};
use pando_crypto::RustCrypto;
use std::time::Duration;

const SIZES: [u32; 4] = [2, 10, 100, 1_000];

/// A function that runs all steps of an operation and returns the time of one step. The untimed
/// steps prepare the next run.
type Measured = fn(&mut LargeGroup) -> Duration;

const MEASURED: [(&str, Measured); 8] = [
    ("create update", |large_group| large_group.update().create),
    ("process update", |large_group| large_group.update().process),
    ("create add", |large_group| add_and_remove(large_group)[0].create),
    ("process add", |large_group| add_and_remove(large_group)[0].process),
    ("create remove", |large_group| add_and_remove(large_group)[1].create),
    ("process remove", |large_group| add_and_remove(large_group)[1].process),
    ("encrypt 32 bytes", |large_group| message(large_group)[0]),
    ("decrypt 32 bytes", |large_group| message(large_group)[1]),
];

fn add_and_remove(large_group: &mut LargeGroup) -> [Round; 2] {
    let (added, leaf) = large_group.add(true);
    [added, large_group.remove(leaf)]
}

fn message(large_group: &mut LargeGroup) -> [Duration; 2] {
    let LargeGroup { committer, receiver, rng, .. } = large_group;
    let (message, encrypt) = timed(|| committer.encrypt(&[7; 32], rng));
    let (_, decrypt) = timed(|| receiver.decrypt(&message));
    [encrypt, decrypt]
}

fn group(criterion: &mut Criterion) {
    let crypto = Crypto { provider: &RustCrypto, suite: suite() };
    let mut group = criterion.benchmark_group("group");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for size in SIZES {
        let trees = [("fresh", LargeGroup::fresh(crypto, size)), ("warm", LargeGroup::warm(crypto, size))];
        for (name, mut large_group) in trees {
            for (what, measured) in MEASURED {
                group.bench_function(BenchmarkId::new(format!("{what}, {name}"), size), |bencher| {
                    bencher.iter_custom(|times| (0..times).map(|_| measured(&mut large_group)).sum());
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, group);
criterion_main!(benches);
