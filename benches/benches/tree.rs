//! Benchmarks of ratchet trees with 100 to 50,000 members. In a fresh tree, only one path has keys;
//! in a warm tree, every parent has a key.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that fails has no result")]

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use pando_benches::large_tree::LargeTree;
use pando_benches::{rng, suite};
use pando_tree::Tree;
use pando_wire::LeafIndex;
use std::hint::black_box;

const SIZES: [u32; 4] = [100, 1_000, 10_000, 50_000];

fn changes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tree");
    group.sample_size(20);
    for size in SIZES {
        let mut rng = rng();
        let fresh = LargeTree::fresh(suite(), size, &mut rng);
        let warm = LargeTree::warm(suite(), size, &mut rng);
        let hash = |tree: &Tree| tree.tree_hash().unwrap();
        let middle = LeafIndex(size / 2);
        let newcomer = fresh.leaf_node(middle);

        group.bench_function(BenchmarkId::new("clone", size), |b| b.iter(|| black_box(&warm.tree).clone()));
        group.bench_function(BenchmarkId::new("remove", size), |b| {
            b.iter(|| {
                let mut tree = warm.tree.clone();
                tree.remove(middle).unwrap();
                tree.truncate().unwrap();
                hash(&tree)
            });
        });
        let mut hole = warm.tree.clone();
        hole.remove(middle).unwrap();
        hash(&hole);
        group.bench_function(BenchmarkId::new("add", size), |b| {
            b.iter(|| {
                let mut tree = hole.clone();
                tree.add(&newcomer).unwrap();
                hash(&tree)
            });
        });

        for (name, large_tree) in [("fresh", &fresh), ("warm", &warm)] {
            if name == "fresh" {
                group.sampling_mode(SamplingMode::Flat).sample_size(10);
            }
            group.bench_function(BenchmarkId::new(format!("create path, {name}"), size), |b| {
                b.iter(|| large_tree.create_path(&mut rng));
            });
            group.sampling_mode(SamplingMode::Auto).sample_size(20);
            let (update_path, context) = large_tree.create_path(&mut rng);
            group.bench_function(BenchmarkId::new(format!("apply path, {name}"), size), |b| {
                b.iter(|| large_tree.apply_path(&update_path, &context));
            });
        }
    }
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole tree");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for size in SIZES {
        let warm = LargeTree::warm(suite(), size, &mut rng());
        let (bytes, hash) = (warm.tree.export().unwrap(), warm.tree.tree_hash().unwrap());
        group.bench_function(BenchmarkId::new("export", size), |b| b.iter(|| warm.tree.export().unwrap()));
        group.bench_function(BenchmarkId::new("import", size), |b| {
            b.iter(|| Tree::import(suite(), &bytes, &warm.group_id, &hash).unwrap());
        });
        group.bench_function(BenchmarkId::new("tree hash", size), |b| {
            b.iter_batched(
                || Tree::import_unsigned(suite(), &bytes).unwrap(),
                |tree| tree.tree_hash().unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, changes, whole);
criterion_main!(benches);
