//! The process that is killed.

use pando_delivery::store::{KeyRange, SqliteConfig, SqliteStore, Store, StoreError, Transaction};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Number of partitions.
pub(crate) const PARTITIONS: u8 = 12;

/// Number of second rows that each partition keeps.
pub(crate) const KEPT: usize = 20;

/// Number of concurrent writers.
const WRITERS: u64 = 48;

/// Number of requests that each writer sends before the process ends by itself.
const REQUESTS: u64 = 400;

/// Returns settings with a short log, so that checkpoints occur often.
pub(crate) fn config() -> SqliteConfig {
    let mut config = SqliteConfig::default().with_shards(3);
    (config.readers, config.checkpoint_bytes, config.log_bytes) = (1, 64 << 10, 1 << 20);
    config
}

pub(crate) fn partition(number: u8) -> [u8; 3] {
    [b'g', b'/', number]
}

pub(crate) fn key(prefix: &[u8; 1], number: u32) -> Vec<u8> {
    [&prefix[..], &number.to_be_bytes()].concat()
}

/// A request that has taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) partition: u8,
    pub(crate) number: u32,
    /// A random number that tells requests of different lives apart.
    pub(crate) request: u64,
}

impl Entry {
    pub(crate) const LENGTH: usize = 13;

    fn encode(&self) -> Vec<u8> {
        [&[self.partition], &self.number.to_be_bytes()[..], &self.request.to_be_bytes()].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        assert_eq!(bytes.len(), Self::LENGTH);
        let number = u32::from_be_bytes(bytes[1..5].try_into().unwrap());
        let request = u64::from_be_bytes(bytes[5..].try_into().unwrap());
        Self { partition: bytes[0], number, request }
    }
}

/// Knuth's generator, which is sufficiently random.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ (self.0 >> 33)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Writes to a store with many concurrent writers, and prints each acknowledged request. If `point`
/// is not empty, the process ends itself when it passes this failpoint for the `countdown`-th time.
pub(crate) fn live(folder: &str, point: &str, countdown: &str) {
    if !point.is_empty() {
        die_at(point, countdown.parse().unwrap());
    }
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let seed = u64::try_from(seed & u128::from(u64::MAX)).unwrap();
    let store = Arc::new(SqliteStore::open(Path::new(folder), &config()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, mut random) = (Arc::clone(&store), Random(seed ^ (writer << 50)));
            runtime.spawn(async move {
                for _ in 0..REQUESTS {
                    let partition_number = u8::try_from(random.below(PARTITIONS.into())).unwrap();
                    let (request, len) = (random.next(), usize::try_from(random.below(1_500)).unwrap());
                    let fails = random.below(10) == 0;
                    let work = move |transaction: &mut dyn Transaction| {
                        append(transaction, partition_number, request, len, fails)
                    };
                    match store.write(&partition(partition_number), len, work).await {
                        Ok(entry) => acknowledge(&entry),
                        // The request has failed on purpose, or the disk is slower than the
                        // writers.
                        Err(error) => assert_eq!(error, StoreError::Overloaded),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        runtime.block_on(writer).unwrap();
    }
}

/// Appends an entry in two rows, deletes old second rows, and sets the due time.
fn append(
    transaction: &mut dyn Transaction,
    partition: u8,
    request: u64,
    len: usize,
    fails: bool,
) -> Result<Entry, StoreError> {
    let counter = transaction.get(b"counter")?;
    let number = 1 + counter.map_or(0, |counter| u32::from_be_bytes(counter.try_into().unwrap()));
    let entry = Entry { partition, number, request };
    transaction.put(b"counter", &number.to_be_bytes())?;
    transaction.put(&key(b"a", number), &entry.encode())?;
    transaction.put(&key(b"b", number), &[entry.encode(), vec![0xbb; len]].concat())?;
    transaction.set_due(Some(number.into()))?;
    let kept = u32::try_from(KEPT).unwrap();
    transaction.delete_range(&KeyRange::between(*b"b", key(b"b", (number + 1).saturating_sub(kept))), 100)?;
    // An error of the caller, by which this request alone is rolled back.
    if fails { Err(StoreError::Overloaded) } else { Ok(entry) }
}

fn acknowledge(entry: &Entry) {
    // One call of `write` for a few bytes is atomic for a pipe.
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&entry.encode()).unwrap();
    stdout.flush().unwrap();
}

/// Ends the process when it passes a failpoint for the `countdown`-th time.
fn die_at(point: &str, countdown: u64) {
    let (left, words) = (AtomicU64::new(countdown), last_words(point));
    fail::cfg_callback(point, move || {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            eprintln!("{words}");
            std::process::abort();
        }
    })
    .unwrap();
}

/// Returns the message of a process that ends itself at a failpoint.
pub(crate) fn last_words(point: &str) -> String {
    format!("killed at {point}")
}
