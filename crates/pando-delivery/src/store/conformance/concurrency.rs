//! Tests of concurrent requests.

use super::helpers::{all, get, read, test};
use crate::store::error::StoreError;
use crate::store::interface::{Snapshot, Store, Transaction};
use crate::store::range::{KeyRange, ScanLimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

pub(super) fn run<P, S: Store>(runtime: &Runtime, new: impl Fn() -> (P, Arc<S>) + Copy) {
    test(runtime, new, |store| append_concurrently(store, 1));
    test(runtime, new, |store| append_concurrently(store, 24));
    test(runtime, new, readers_see_whole_requests);
    test(runtime, new, acknowledged_writes_are_visible);
}

const WRITERS: u32 = 48;
const APPENDS: u32 = 12;

/// Appends an entry to the log of a partition, and returns its number. The counter, the entry and
/// the due time change together.
fn append(transaction: &mut dyn Transaction, writer: u32) -> Result<u32, StoreError> {
    let number = number_of(transaction.get(b"counter")?) + 1;
    transaction.put(b"counter", &number.to_be_bytes())?;
    transaction.put(&entry(number), &writer.to_be_bytes())?;
    transaction.set_due(Some(number.into()))?;
    Ok(number)
}

fn entry(number: u32) -> Vec<u8> {
    [&b"entry"[..], &number.to_be_bytes()].concat()
}

fn number_of(value: Option<Vec<u8>>) -> u32 {
    value.map_or(0, |value| u32::from_be_bytes(value.as_slice().try_into().unwrap()))
}

/// Checks that concurrent writers leave no gap in the log of any partition, that every number was
/// returned to one writer, and that the numbers of each writer rise.
async fn append_concurrently(store: Arc<impl Store>, partitions: u32) {
    let name = |number: u32| format!("g/{}", number % partitions).into_bytes();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, partition) = (Arc::clone(&store), name(writer));
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for _ in 0..APPENDS {
                    let appended = store.write(&partition, 8, move |transaction| append(transaction, writer));
                    numbers.push(appended.await.unwrap());
                }
                assert!(numbers.is_sorted_by(|a, b| a < b), "a request sees the requests before it");
                (writer, numbers)
            })
        })
        .collect();
    let mut returned = vec![Vec::new(); partitions.try_into().unwrap()];
    for writer in writers {
        let (writer, numbers) = writer.await.unwrap();
        let returned: &mut Vec<_> = &mut returned[usize::try_from(writer % partitions).unwrap()];
        returned.extend(numbers.into_iter().map(|number| (number, writer)));
    }
    for (partition, mut returned) in (0..).zip(returned) {
        returned.sort_unstable();
        let rows = all(&store, &name(partition)).await;
        let entries: Vec<_> = rows.iter().filter(|row| row.key != b"counter").collect();
        assert_eq!(entries.len(), usize::try_from(WRITERS / partitions * APPENDS).unwrap());
        for ((number, entry_row), (returned, writer)) in (1..).zip(entries).zip(returned) {
            assert_eq!((number, &entry_row.key), (returned, &entry(number)));
            assert_eq!(entry_row.value, writer.to_be_bytes());
        }
    }
}

/// Checks that a reader sees all or nothing of each request, and never an older state than before.
async fn readers_see_whole_requests(store: Arc<impl Store>) {
    const P: &[u8] = b"g/tea";
    let is_done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, is_done) = (Arc::clone(&store), Arc::clone(&is_done));
            tokio::spawn(async move {
                let (mut seen, mut reads) = (0, 0);
                while !is_done.load(Ordering::Relaxed) || reads == 0 {
                    let number = read(&store, P, state).await;
                    assert!(number >= seen, "a later snapshot is not older");
                    (seen, reads) = (number, reads + 1);
                }
            })
        })
        .collect();
    for writer in 0..200 {
        store.write(P, 8, move |transaction| append(transaction, writer)).await.unwrap();
    }
    is_done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(read(&store, P, state).await, 200);
}

/// Returns the counter of a log, after checking it against the entries and the due time.
fn state(snapshot: &dyn Snapshot) -> Result<u32, StoreError> {
    let number = number_of(snapshot.get(b"counter")?);
    let last = snapshot.last(&KeyRange::prefix(*b"entry"))?;
    assert_eq!(last.map(|row| row.key), (number > 0).then(|| entry(number)));
    let entries = snapshot.scan(&KeyRange::prefix(*b"entry"), ScanLimit::rows(usize::MAX))?;
    assert_eq!(entries.rows.len(), usize::try_from(number).unwrap());
    assert_eq!(snapshot.due()?, (number > 0).then_some(number.into()));
    Ok(number)
}

/// Checks that a write is visible to every read that begins after the write was acknowledged, also
/// to reads of due times.
async fn acknowledged_writes_are_visible(store: Arc<impl Store>) {
    let tasks: Vec<_> = (0..16_u8)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let partition = [b'g', b'/', task];
                for number in 0..20_u8 {
                    let work = move |transaction: &mut dyn Transaction| {
                        transaction.set_due(Some(u64::from(task) << 32 | u64::from(number)))?;
                        transaction.put(b"key", &[number])
                    };
                    store.write(&partition, 0, work).await.unwrap();
                    assert_eq!(get(&store, &partition, b"key").await, Some(vec![number]));
                    let due = store.due(u64::MAX >> 1, 100).await.unwrap();
                    let own = due.iter().find(|due| due.partition == partition).unwrap();
                    assert_eq!(own.at, u64::from(task) << 32 | u64::from(number));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
