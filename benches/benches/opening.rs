//! From a closed store to a decrypted message, or to the epoch of a Commit: opens the store and the
//! group, and stores the changes on the disk. The group loads only the rows that it needs. The
//! trees are warm.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that fails has no result"
)]

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use pando_benches::crowd::{Crowd, timed};
use pando_benches::person::Person;
use pando_benches::resident::{Place, Resident};
use pando_benches::{Crypto, suite};
use pando_crypto::RustCrypto;
use std::time::Duration;

const SIZES: [u32; 2] = [1_000, 50_000];

/// Runs an operation of a member that was away, beginning with a closed store. Returns the time
/// from opening on.
type Measured = fn(&mut Crowd, Person, &Place) -> (Person, Duration);

const MEASURED: [(&str, Measured); 2] =
    [("decrypt 32 bytes", decrypt), ("process an update Commit", process_commit)];

fn decrypt(crowd: &mut Crowd, person: Person, place: &Place) -> (Person, Duration) {
    let message = crowd.committer.encrypt(&[7; 32], &mut crowd.rng);
    let ((resident, data), time) = timed(|| Resident::open_and_decrypt(person, place, &message));
    assert_eq!(*data, [7; 32]);
    (resident.close(), time)
}

fn process_commit(crowd: &mut Crowd, person: Person, place: &Place) -> (Person, Duration) {
    let commit = crowd.commit(|builder| builder);
    let (resident, time) = timed(|| Resident::open_and_process_commit(person, place, &commit));
    crowd.assert_agreement(&resident.member);
    (resident.close(), time)
}

fn opening(criterion: &mut Criterion) {
    let crypto = Crypto { provider: &RustCrypto, suite: suite() };
    let mut group = criterion.benchmark_group("open a closed store and");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    for size in SIZES {
        let mut crowd = Crowd::warm(crypto, size);
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), true);
        let mut away = Some(Resident::join(&mut crowd, &place).close());
        for (what, measured) in MEASURED {
            group.bench_function(BenchmarkId::new(what, size), |bencher| {
                bencher.iter_custom(|times| {
                    let mut total = Duration::ZERO;
                    for _ in 0..times {
                        let (person, time) = measured(&mut crowd, away.take().unwrap(), &place);
                        away = Some(person);
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
