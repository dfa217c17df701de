//! The application's records are in collections of numbered values, in the transactions of the
//! groups.

use crate::{Place, for_each_store};
use pando_mls::SecretBytes;
use pando_store::{Backend, Store, StoreError};
use std::ops::RangeInclusive;

type Records = Vec<(u64, Vec<u8>)>;

fn records<B: Backend>(store: &Store<B>, collection: &[u8], numbers: RangeInclusive<u64>) -> Records {
    let mut found = Vec::new();
    let mut each = |number, value: SecretBytes| {
        found.push((number, value.expose().to_vec()));
        Ok(())
    };
    store.scan_records(collection, numbers, &mut each).unwrap();
    found
}

#[expect(clippy::reversed_empty_ranges, reason = "an empty range is one of the cases")]
fn collections(place: &impl Place) {
    let mut store = place.open("a");
    let mut transaction = store.begin().unwrap();
    for number in [0, 1, 255, 256, u64::MAX] {
        transaction.put_record(b"events", number, &number.to_be_bytes()).unwrap();
    }
    transaction.put_record(b"event", 1, b"another collection").unwrap();
    transaction.put_record(b"events", 1, b"a longer value that replaces the first one").unwrap();
    // The transaction reads its own records.
    assert!(transaction.record(b"events", 1).unwrap().unwrap().expose().starts_with(b"a longer"));
    transaction.commit().unwrap();

    let all = records(&store, b"events", 0..=u64::MAX);
    let numbers: Vec<_> = all.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 255, 256, u64::MAX]);
    assert_eq!(all[1].1, b"a longer value that replaces the first one");
    assert_eq!(all[3], (256, 256_u64.to_be_bytes().to_vec()));
    assert_eq!(records(&store, b"events", 1..=255), all[1..3]);
    assert_eq!(records(&store, b"events", 2..=254), []);
    assert_eq!(records(&store, b"events", 9..=3), []);
    assert_eq!(records(&store, b"nothing", 0..=u64::MAX), []);
    assert_eq!(store.record(b"event", 1).unwrap().unwrap().expose(), b"another collection");
    assert!(store.record(b"event", 2).unwrap().is_none());

    // The scan ends with the first error of its caller.
    let mut seen = 0;
    let mut each = |_, _| {
        seen += 1;
        Err(StoreError::Stale)
    };
    assert!(matches!(store.scan_records(b"events", 0..=9, &mut each), Err(StoreError::Stale)));
    assert_eq!(seen, 1);

    // A transaction that is not committed changes nothing.
    let mut transaction = store.begin().unwrap();
    transaction.remove_records(b"events", 0..=u64::MAX).unwrap();
    assert!(transaction.record(b"events", 0).unwrap().is_none());
    drop(transaction);
    assert_eq!(records(&store, b"events", 0..=u64::MAX), all);

    let mut transaction = store.begin().unwrap();
    transaction.remove_records(b"events", 1..=256).unwrap();
    transaction.remove_records(b"events", 9..=3).unwrap();
    transaction.commit().unwrap();
    assert_eq!(records(&store, b"events", 0..=u64::MAX), [all[0].clone(), all[4].clone()]);
    assert_eq!(store.inspect().unwrap().records["record of the application"].rows, 3);
}

#[test]
fn records_are_in_collections() {
    for_each_store!(collections);
}
