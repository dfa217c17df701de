//! Benchmarks of the key schedule and the secret tree.

#![allow(
    clippy::unwrap_used,
    clippy::unreachable,
    missing_docs,
    reason = "a benchmark that fails has no result"
)]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use pando_benches::{context, suite, suites};
use pando_schedule::{
    CommitSecret, EncryptionSecret, InitSecret, PskSecret, RatchetLimits, RatchetType, ScheduleError,
    SecretTree,
};
use pando_wire::{LeafIndex, TreeSize};

fn epoch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("epoch");
    for suite in suites() {
        let context = context(suite);
        let init = InitSecret::from(vec![1; suite.hash_len()]);
        group.bench_function(BenchmarkId::from_parameter(suite.cipher_suite().0), |b| {
            b.iter(|| {
                let joiner = init.joiner_secret(suite, &CommitSecret::zero(suite), &context).unwrap();
                let intermediate = joiner.with_psk_secret(suite, &PskSecret::zero(suite));
                intermediate.epoch_secret(suite, &context).unwrap().derive(suite).unwrap()
            });
        });
    }
    group.finish();
}

fn secret_tree(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("secret tree");
    let suite = suite();
    let new = |leaves| {
        let secret = EncryptionSecret::from(vec![1; 32]);
        SecretTree::new(TreeSize::with_leaves(leaves).unwrap(), secret, RatchetLimits::default())
    };
    for leaves in [2, 100, 1_000, 10_000, 50_000] {
        group.bench_function(BenchmarkId::new("first message of a sender", leaves), |b| {
            b.iter_batched(
                || new(leaves),
                |mut tree| tree.take_next(suite, LeafIndex(leaves / 2), RatchetType::Application).unwrap(),
                BatchSize::SmallInput,
            );
        });
        let mut tree = new(leaves);
        group.bench_function(BenchmarkId::new("next message of a sender", leaves), |b| {
            b.iter(|| tree.take_next(suite, LeafIndex(0), RatchetType::Application).unwrap());
        });
    }
    group.bench_function("a message 1,000 generations ahead", |b| {
        b.iter_batched(
            || new(2),
            |mut tree| {
                let open = |_: &_| Ok::<_, ScheduleError>(());
                let opened = tree.open(suite, LeafIndex(0), RatchetType::Application, 1_000, open);
                let ((), used) = opened.unwrap();
                tree.delete_key(used);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, epoch, secret_tree);
criterion_main!(benches);
