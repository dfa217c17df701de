//! Tests of rows, ranges and due times, one request at a time.

use super::helpers::{all, everything, get, put, read, row, test, write};
use crate::store::error::{Limit, StoreError};
use crate::store::interface::Store;
use crate::store::range::{Due, KeyRange, Page, ScanLimit};
use std::sync::Arc;
use tokio::runtime::Runtime;

pub(super) fn run<P, S: Store>(runtime: &Runtime, new: impl Fn() -> (P, Arc<S>) + Copy) {
    test(runtime, new, keys_are_ordered_bytes);
    test(runtime, new, scans_are_limited);
    test(runtime, new, a_transaction_sees_itself);
    test(runtime, new, ranges_are_deleted_in_chunks);
    test(runtime, new, partitions_are_separate);
    test(runtime, new, due_partitions_are_found);
    test(runtime, new, lengths_are_limited);
    test(runtime, new, values_may_be_large);
}

const P: &[u8] = b"g/tea";

async fn keys_are_ordered_bytes(store: Arc<impl Store>) {
    let keys: [&[u8]; 8] = [&[], &[0], &[0, 0], &[0, 1], &[1], &[1, 0xff], &[2], &[0xfe, 0xff, 0xff]];
    for key in keys.into_iter().rev() {
        put(&store, P, key, key).await;
    }
    let rows: Vec<_> = keys.iter().map(|key| row(key, key)).collect();
    assert_eq!(all(&store, P).await, rows);
    let cases = [
        // A range includes its first key and excludes its last key.
        (KeyRange::between([0, 0], [1, 0xff]), &rows[2..5]),
        (KeyRange::between([0, 2], [0, 3]), &[]),
        (KeyRange::between([2], [1]), &[]),
        (KeyRange::prefix([1]), &rows[4..6]),
        (KeyRange::prefix([0xfe, 0xff]), &rows[7..]),
        (KeyRange::starting_at([1, 0]), &rows[5..]),
        (KeyRange::all().after(&[0]), &rows[2..]),
    ];
    for (range, expected) in cases {
        let of_range = range.clone();
        let found = read(&store, P, move |rows| {
            Ok((rows.scan(&of_range, ScanLimit::rows(100))?, rows.last(&of_range)?))
        });
        let page = Page { rows: expected.to_vec(), has_more: false };
        assert_eq!(found.await, (page, expected.last().cloned()), "{range:?}");
    }
    assert_eq!(get(&store, P, &[0, 1]).await, Some(vec![0, 1]));
    assert_eq!(get(&store, P, &[3]).await, None);
    assert_eq!(all(&store, b"g/other").await, []);
}

async fn scans_are_limited(store: Arc<impl Store>) {
    for key in 0..5_u8 {
        put(&store, P, &[key], &[key; 9]).await;
    }
    let rows = |range: std::ops::Range<u8>| range.map(|key| row(&[key], &[key; 9])).collect::<Vec<_>>();
    let cases = [
        (ScanLimit::rows(0), 0, true),
        (ScanLimit::rows(2), 2, true),
        (ScanLimit::rows(4), 4, true),
        (ScanLimit::rows(5), 5, false),
        // A row has ten bytes. The first row is always returned.
        (ScanLimit { rows: 5, bytes: 0 }, 1, true),
        (ScanLimit { rows: 5, bytes: 29 }, 2, true),
        (ScanLimit { rows: 5, bytes: 30 }, 3, true),
        (ScanLimit { rows: 5, bytes: 50 }, 5, false),
    ];
    for (limit, len, has_more) in cases {
        let page = read(&store, P, move |rows| rows.scan(&KeyRange::all(), limit)).await;
        assert_eq!(page, Page { rows: rows(0..len), has_more }, "{limit:?}");
    }
    // A reader that continues after the last row of each page reads every row once.
    let (mut range, mut found) = (KeyRange::all(), Vec::new());
    loop {
        let of_page = range.clone();
        let page = read(&store, P, move |rows| rows.scan(&of_page, ScanLimit::rows(2))).await;
        found.extend(page.rows);
        if !page.has_more {
            break;
        }
        range = range.after(&found.last().unwrap().key);
    }
    assert_eq!(found, rows(0..5));
}

async fn a_transaction_sees_itself(store: Arc<impl Store>) {
    put(&store, P, &[1], &[1]).await;
    put(&store, P, &[2], &[2]).await;
    let seen = write(&store, P, |transaction| {
        transaction.put(&[3], &[3])?;
        transaction.put(&[1], &[9])?;
        transaction.delete(&[2])?;
        transaction.delete(&[4])?;
        transaction.set_due(Some(5))?;
        assert_eq!((transaction.get(&[1])?, transaction.get(&[2])?), (Some(vec![9]), None));
        assert_eq!(transaction.last(&KeyRange::all())?, Some(row(&[3], &[3])));
        assert_eq!(transaction.due()?, Some(5));
        everything(transaction)
    });
    let rows = vec![row(&[1], &[9]), row(&[3], &[3])];
    assert_eq!(seen.await, rows);
    assert_eq!(all(&store, P).await, rows);
}

async fn ranges_are_deleted_in_chunks(store: Arc<impl Store>) {
    for key in 0..10_u8 {
        put(&store, P, &[key], &[]).await;
    }
    let delete = |limit| {
        write(&store, P, move |transaction| {
            let has_more = transaction.delete_range(&KeyRange::between([2], [9]), limit)?;
            let keys = everything(transaction)?.iter().map(|row| row.key[0]).collect();
            Ok::<(_, Vec<u8>), StoreError>((has_more, keys))
        })
    };
    assert_eq!(delete(0).await, (true, (0..10).collect()));
    assert_eq!(delete(3).await, (true, vec![0, 1, 5, 6, 7, 8, 9]));
    assert_eq!(delete(3).await, (true, vec![0, 1, 8, 9]));
    assert_eq!(delete(1).await, (false, vec![0, 1, 9]));
    assert_eq!(delete(3).await, (false, vec![0, 1, 9]));
}

async fn partitions_are_separate(store: Arc<impl Store>) {
    // One name is a prefix of another one, and the concatenations of names and keys are equal.
    let partitions: [&[u8]; 4] = [b"a", b"ab", b"a\0", &[0xff; 3]];
    for (number, partition) in (0..).zip(partitions) {
        put(&store, partition, b"key", &[number]).await;
        put(&store, partition, b"b", &[number]).await;
    }
    write(&store, b"ab", |transaction| transaction.delete_range(&KeyRange::all(), 100)).await;
    for (number, partition) in (0..).zip(partitions) {
        let rows =
            if partition == b"ab" { vec![] } else { vec![row(b"b", &[number]), row(b"key", &[number])] };
        assert_eq!(all(&store, partition).await, rows, "{partition:?}");
    }
}

async fn due_partitions_are_found(store: Arc<impl Store>) {
    let set = |partition: &'static [u8], at| {
        let store = &store;
        write(store, partition, move |transaction| transaction.set_due(at))
    };
    let due = |partition: &[u8], at| Due { at, partition: partition.to_vec() };
    assert_eq!(store.due(u64::MAX, 10).await, Ok(vec![]));
    set(b"c", Some(30)).await;
    set(b"a", Some(20)).await;
    set(b"b", Some(20)).await;
    set(b"d", Some(0)).await;
    set(b"e", None).await;
    assert_eq!(store.due(20, 10).await, Ok(vec![due(b"d", 0), due(b"a", 20), due(b"b", 20)]));
    assert_eq!(store.due(20, 2).await, Ok(vec![due(b"d", 0), due(b"a", 20)]));
    assert_eq!(store.due(u64::MAX, 10).await.unwrap().len(), 4);
    assert_eq!(store.due(20, 0).await, Ok(vec![]));
    set(b"d", None).await;
    set(b"a", Some(40)).await;
    assert_eq!(store.due(39, 10).await, Ok(vec![due(b"b", 20), due(b"c", 30)]));
    assert_eq!(read(&store, b"a", |rows| rows.due()).await, Some(40));
    assert_eq!(read(&store, b"d", |rows| rows.due()).await, None);
    // A due time does not depend on rows.
    put(&store, b"b", b"key", b"value").await;
    write(&store, b"b", |transaction| transaction.delete(b"key")).await;
    assert_eq!(store.due(20, 10).await, Ok(vec![due(b"b", 20)]));
    // The latest time is accepted, and a later one is refused.
    let latest = u64::MAX >> 1;
    set(b"b", Some(latest)).await;
    assert_eq!(read(&store, b"b", |rows| rows.due()).await, Some(latest));
    let refused = store.write(b"b", 0, move |transaction| transaction.set_due(Some(latest + 1))).await;
    assert_eq!(refused, Err(StoreError::Limit(Limit::Due)));
    assert_eq!(read(&store, b"b", |rows| rows.due()).await, Some(latest));
}

async fn lengths_are_limited(store: Arc<impl Store>) {
    let (partition, key) = ([0xff; Limit::PARTITION], [0xff; Limit::KEY]);
    put(&store, &partition, &key, b"value").await;
    assert_eq!(all(&store, &partition).await, [row(&key, b"value")]);
    let last = read(&store, &partition, |rows| rows.last(&KeyRange::all())).await;
    assert_eq!(last, Some(row(&key, b"value")));
    write(&store, &partition, |transaction| transaction.delete_range(&KeyRange::all(), 1)).await;
    assert_eq!(all(&store, &partition).await, []);

    for partition in [&[][..], &[1; Limit::PARTITION + 1]] {
        let error = Err(StoreError::Limit(Limit::PartitionLength));
        assert_eq!(store.write(partition, 0, |_| Ok(())).await, error);
        assert_eq!(store.read(partition, |_| Ok(())).await, error);
    }
    let written = store.write(P, 0, |transaction| transaction.put(&[1; Limit::KEY + 1], &[])).await;
    assert_eq!(written, Err(StoreError::Limit(Limit::KeyLength)));
    let written = store.write(P, 0, |transaction| transaction.put(&[1], &vec![0; Limit::VALUE + 1])).await;
    assert_eq!(written, Err(StoreError::Limit(Limit::ValueLength)));
    assert_eq!(all(&store, P).await, []);
    // A read finds nothing under a key that is too long.
    assert_eq!(get(&store, P, &[1; Limit::KEY + 1]).await, None);
}

async fn values_may_be_large(store: Arc<impl Store>) {
    put(&store, P, &[7], &[]).await;
    put(&store, P, &[8], &[0xab; 3_000_000]).await;
    assert_eq!(get(&store, P, &[7]).await, Some(vec![]));
    assert_eq!(get(&store, P, &[8]).await, Some(vec![0xab; 3_000_000]));
}
