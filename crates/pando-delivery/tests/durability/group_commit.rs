//! Concurrent requests share syncs.

use crate::fixture::{append, check, is_log, name, open};
use pando_delivery::store::SqliteConfig;
use pando_disk_faults::{Call, Disk, watch};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WRITERS: u32 = 256;
const REQUESTS: u32 = 8;

/// Delays each sync of a log, and counts the syncs.
struct SlowDisk {
    delay: Duration,
    syncs: AtomicU32,
}

impl Disk for SlowDisk {
    fn before(&self, call: Call, path: &Path) -> Option<i32> {
        if call == Call::Sync && is_log(path) {
            thread::sleep(self.delay);
        }
        None
    }

    fn after(&self, call: Call, path: &Path, _: &File) {
        if call == Call::Sync && is_log(path) {
            self.syncs.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes with 256 concurrent writers, each of which waits for its answers. Returns the number of
/// requests and the number of syncs.
async fn write(delay: Duration, partitions: u32) -> (u32, u32) {
    let folder = TempDir::new().unwrap();
    let disk = Arc::new(SlowDisk { delay, syncs: AtomicU32::new(0) });
    let _watch = watch(folder.path(), disk.clone());
    let store = open(folder.path(), &SqliteConfig::default());
    let before = disk.syncs.load(Ordering::Relaxed);
    let began = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, partition) = (Arc::clone(&store), name(writer % partitions));
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for _ in 0..REQUESTS {
                    numbers.push(append(&store, &partition, 200).await.unwrap());
                }
                (partition, numbers)
            })
        })
        .collect();
    let mut acknowledged = BTreeMap::<_, Vec<_>>::new();
    for writer in writers {
        let (partition, numbers) = writer.await.unwrap();
        acknowledged.entry(partition).or_default().extend(numbers);
    }
    let (elapsed, syncs) = (began.elapsed(), disk.syncs.load(Ordering::Relaxed) - before);
    let requests = WRITERS * REQUESTS;
    println!(
        "{partitions} partitions, {delay:?} for each sync: {requests} requests and {syncs} syncs in {elapsed:?}"
    );
    check(&store, &acknowledged).await;
    (requests, syncs)
}

/// With one commit for each request, each request would need a sync. The number of requests per
/// sync is therefore the factor by which group commit raises the throughput of a slow disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_least_sixteen_requests_share_a_sync() {
    for partitions in [1, 16, WRITERS] {
        let (requests, syncs) = write(Duration::from_millis(5), partitions).await;
        assert!(syncs > 0 && requests >= 16 * syncs, "{requests} requests, {syncs} syncs");
    }
    // With the disk of this machine, the number depends on its speed, and is only printed.
    write(Duration::ZERO, 16).await;
}

/// A single writer never waits for other requests: each of its requests is a batch.
#[tokio::test]
async fn a_single_request_is_committed_at_once() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &SqliteConfig::default());
    for _ in 0..20 {
        append(&store, b"g/tea", 10).await.unwrap();
    }
    let counters = store.counters();
    assert_eq!((counters.requests, counters.batches), (20, 20));
}
