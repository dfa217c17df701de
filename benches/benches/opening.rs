//! Benchmarks that begin with a closed store and end with a decrypted message or the epoch of a
//! Commit. The benchmarks open the store and the group, and store the changes on the disk. The
//! group loads only the rows that it needs. The trees are warm.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that fails has no result"
)]

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use pando_benches::large_group::{LargeGroup, timed};
use pando_benches::stored_member::{Place, StoredMember};
use pando_benches::test_client::TestClient;
use pando_benches::{Crypto, suite};
use pando_crypto::RustCrypto;
use std::time::Duration;

const SIZES: [u32; 2] = [1_000, 50_000];

/// A function that runs an operation of a member that was offline, beginning with a closed store.
/// The time that it returns includes opening the store.
type Measured = fn(&mut LargeGroup, TestClient, &Place) -> (TestClient, Duration);

const MEASURED: [(&str, Measured); 2] =
    [("decrypt 32 bytes", decrypt), ("process an update Commit", process_commit)];

fn decrypt(large_group: &mut LargeGroup, client: TestClient, place: &Place) -> (TestClient, Duration) {
    let message = large_group.committer.encrypt(&[7; 32], &mut large_group.rng);
    let ((stored_member, data), time) = timed(|| StoredMember::open_and_decrypt(client, place, &message));
    assert_eq!(*data, [7; 32]);
    (stored_member.close(), time)
}

fn process_commit(large_group: &mut LargeGroup, client: TestClient, place: &Place) -> (TestClient, Duration) {
    let commit = large_group.commit(|builder| builder);
    let (stored_member, time) = timed(|| StoredMember::open_and_process_commit(client, place, &commit));
    large_group.assert_agreement(&stored_member.member);
    (stored_member.close(), time)
}

fn opening(criterion: &mut Criterion) {
    let crypto = Crypto { provider: &RustCrypto, suite: suite() };
    let mut group = criterion.benchmark_group("open a closed store and");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    for size in SIZES {
        let mut large_group = LargeGroup::warm(crypto, size);
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), true);
        let mut away = Some(StoredMember::join(&mut large_group, &place).close());
        for (what, measured) in MEASURED {
            group.bench_function(BenchmarkId::new(what, size), |bencher| {
                bencher.iter_custom(|times| {
                    let mut total = Duration::ZERO;
                    for _ in 0..times {
                        let (client, time) = measured(&mut large_group, away.take().unwrap(), &place);
                        away = Some(client);
                        total += time;
                    }
                    total
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, opening);
criterion_main!(benches);
