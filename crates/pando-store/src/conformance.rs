//! A conformance test for implementations of [`Backend`]. [`run`] panics if a backend violates a
//! requirement.
//!
//! ```
//! use pando_store::{Backend, Memory, conformance};
//!
//! conformance::run(Memory::new, |place| place.again().unwrap());
//! ```

#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use crate::backend::Backend;
use crate::{Record, StoreError};
use pando_mls::SecretBytes;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A key or a value.
type Bytes = Vec<u8>;

/// Tests a backend.
///
/// `place` creates an empty location for a database. `open` opens the database at such a location
/// as another process would, even if the database is already open. `open` should set the timeout
/// for other transactions to a few milliseconds at most.
///
/// # Panics
/// Panics if the backend violates a requirement.
pub fn run<P, B: Backend>(place: impl Fn() -> P, open: impl Fn(&P) -> B) {
    keys_are_ordered_bytes(&mut open(&place()));
    a_transaction_sees_itself(&mut open(&place()));
    it_agrees_with_a_map(&place(), &open);
    others_see_all_or_nothing(&place(), &open);
    what_is_not_committed_never_was(&place(), &open);
    one_transaction_at_a_time(&place(), &open);
    a_lock_is_for_one(&place(), &open);
    a_scan_stops(&mut open(&place()));
    erasing_and_compacting_lose_nothing(&place(), &open);
}

/// Returns all keys with their values.
fn everything(backend: &impl Backend) -> Vec<(Bytes, Bytes)> {
    between(backend, &[], &[0xff; 9])
}

fn between(backend: &impl Backend, from: &[u8], to: &[u8]) -> Vec<(Bytes, Bytes)> {
    let mut found = Vec::new();
    let mut each = |key: &[u8], value: &[u8]| {
        found.push((key.to_vec(), value.to_vec()));
        Ok(())
    };
    backend.scan(from..to, &mut each).unwrap();
    found
}

fn get(backend: &impl Backend, key: &[u8]) -> Option<Bytes> {
    backend.get(key).unwrap().map(|value: SecretBytes| value.expose().to_vec())
}

fn put(backend: &mut impl Backend, records: &[(&[u8], &[u8])]) {
    backend.begin().unwrap();
    records.iter().for_each(|(key, value)| backend.put(key, value).unwrap());
    backend.commit().unwrap();
}

fn keys_are_ordered_bytes(backend: &mut impl Backend) {
    let keys: [&[u8]; 7] = [&[0], &[0, 0], &[0, 1], &[1], &[1, 0xff], &[2], &[0xfe, 0xff, 0xff]];
    put(backend, &keys.map(|key| (key, key)));
    let all: Vec<_> = keys.iter().map(|key| (key.to_vec(), key.to_vec())).collect();
    assert_eq!(everything(backend), all);
    // A range includes its first key and excludes its last key.
    assert_eq!(between(backend, &[0, 0], &[1, 0xff]), all.get(1..4).unwrap());
    assert_eq!(between(backend, &[0, 2], &[0, 3]), []);
    assert_eq!(between(backend, &[2], &[1]), []);
    assert_eq!(get(backend, &[0, 1]), Some(vec![0, 1]));
    assert_eq!(get(backend, &[3]), None);
    backend.begin().unwrap();
    backend.delete(&[0, 0][..]..&[1, 0xff][..]).unwrap();
    backend.delete(&[2][..]..&[1][..]).unwrap();
    backend.commit().unwrap();
    let left: Vec<_> = [0, 4, 5, 6].iter().filter_map(|at: &usize| all.get(*at).cloned()).collect();
    assert_eq!(everything(backend), left);
    // Values may be empty or large.
    put(backend, &[(&[7], &[]), (&[8], &[0xab; 70_000])]);
    assert_eq!(get(backend, &[7]), Some(vec![]));
    assert_eq!(get(backend, &[8]), Some(vec![0xab; 70_000]));
}

fn a_transaction_sees_itself(backend: &mut impl Backend) {
    put(backend, &[(&[1], &[1]), (&[2], &[2])]);
    backend.begin().unwrap();
    backend.put(&[3], &[3]).unwrap();
    backend.put(&[1], &[9]).unwrap();
    backend.delete(&[2][..]..&[3][..]).unwrap();
    let seen = vec![(vec![1], vec![9]), (vec![3], vec![3])];
    assert_eq!(everything(backend), seen);
    assert_eq!((get(backend, &[2]), get(backend, &[3])), (None, Some(vec![3])));
    backend.commit().unwrap();
    assert_eq!(everything(backend), seen);
}

/// Compares the results of random operations with those of a map in memory.
fn it_agrees_with_a_map<P, B: Backend>(place: &P, open: &impl Fn(&P) -> B) {
    let mut backend = open(place);
    let mut model = BTreeMap::<Bytes, Bytes>::new();
    // Knuth's generator is sufficiently random, and it is deterministic.
    let mut state = 1_u64;
    let mut random = |below: u8| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes().first().and_then(|byte| byte.checked_rem(below)).unwrap_or_default()
    };
    for _ in 0..60 {
        let before = model.clone();
        backend.begin().unwrap();
        for _ in 0..random(12) {
            let (key, other) = (vec![random(4), random(8)], vec![random(4), random(8)]);
            if random(4) == 0 {
                backend.delete(&key..&other).unwrap();
                model.retain(|at, _| *at < key || *at >= other);
            } else {
                let value = vec![random(200); random(200).into()];
                backend.put(&key, &value).unwrap();
                model.insert(key, value);
            }
        }
        match random(4) {
            0 => {
                backend.rollback();
                model = before;
            }
            1 => {
                backend.commit().unwrap();
                backend = open(place);
            }
            _ => backend.commit().unwrap(),
        }
        assert_eq!(everything(&backend), model.clone().into_iter().collect::<Vec<_>>());
    }
}

fn others_see_all_or_nothing<P, B: Backend>(place: &P, open: &impl Fn(&P) -> B) {
    let mut one = open(place);
    put(&mut one, &[(&[1], &[1])]);
    let other = open(place);
    one.begin().unwrap();
    one.put(&[1], &[2]).unwrap();
    one.put(&[2], &[2]).unwrap();
    assert_eq!(everything(&other), [(vec![1], vec![1])]);
    one.commit().unwrap();
    assert_eq!(everything(&other), [(vec![1], vec![2]), (vec![2], vec![2])]);
}

fn what_is_not_committed_never_was<P, B: Backend>(place: &P, open: &impl Fn(&P) -> B) {
    let mut one = open(place);
    put(&mut one, &[(&[1], &[1])]);
    one.begin().unwrap();
    one.put(&[2], &[2]).unwrap();
    drop(one);
    let mut again = open(place);
    assert_eq!(everything(&again), [(vec![1], vec![1])]);
    again.begin().unwrap();
    again.delete(&[1][..]..&[2][..]).unwrap();
    again.rollback();
    assert_eq!(everything(&again), [(vec![1], vec![1])]);
    // A rollback without a transaction is harmless.
    again.rollback();
    put(&mut again, &[(&[3], &[3])]);
    assert_eq!(everything(&open(place)).len(), 2);
}

fn one_transaction_at_a_time<P, B: Backend>(place: &P, open: &impl Fn(&P) -> B) {
    let (mut one, mut other) = (open(place), open(place));
    put(&mut one, &[(&[1], &[1])]);
    one.begin().unwrap();
    assert!(matches!(other.begin(), Err(StoreError::Busy)));
    one.put(&[1], &[2]).unwrap();
    one.commit().unwrap();
    put(&mut other, &[(&[2], &[2])]);
    one.begin().unwrap();
    drop(one);
    put(&mut other, &[(&[3], &[3])]);
    assert_eq!(everything(&other).len(), 3);
}

fn a_lock_is_for_one<P, B: Backend>(place: &P, open: &impl Fn(&P) -> B) {
    let (one, other) = (open(place), open(place));
    let (tea, coffee, wait) = ([1; 16], [2; 16], Duration::from_millis(30));
    let held = one.lock(&tea, Duration::ZERO).unwrap();
    assert!(matches!(other.lock(&tea, Duration::ZERO), Err(StoreError::Busy)));
    assert!(matches!(one.lock(&tea, Duration::ZERO), Err(StoreError::Busy)));
    let began = Instant::now();
    assert!(matches!(other.lock(&tea, wait), Err(StoreError::Busy)));
    assert!(began.elapsed() >= wait);
    let another = other.lock(&coffee, Duration::ZERO).unwrap();
    drop(held);
    let held = other.lock(&tea, Duration::ZERO).unwrap();
    assert!(matches!(one.lock(&tea, Duration::ZERO), Err(StoreError::Busy)));
    drop((held, another));
    one.lock(&tea, Duration::ZERO).unwrap();
}

fn a_scan_stops(backend: &mut impl Backend) {
    put(backend, &[(&[1], &[1]), (&[2], &[2]), (&[3], &[3])]);
    let mut seen = 0_u8;
    let result = backend.scan(&[0][..]..&[9][..], &mut |key, _| {
        seen = seen.saturating_add(1);
        if key == [2] { Err(StoreError::Corrupt(Record::Psk)) } else { Ok(()) }
    });
    assert!(matches!(result, Err(StoreError::Corrupt(Record::Psk))));
    assert_eq!(seen, 2);
    assert_eq!(everything(backend).len(), 3);
}

fn erasing_and_compacting_lose_nothing<P, B: Backend>(place: &P, open: &impl Fn(&P) -> B) {
    let mut one = open(place);
    put(&mut one, &[(&[1], &[1; 5_000]), (&[2], &[2]), (&[3], &[3])]);
    one.begin().unwrap();
    one.delete(&[1][..]..&[2][..]).unwrap();
    one.commit().unwrap();
    one.erase().unwrap();
    one.compact().unwrap();
    one.erase().unwrap();
    let left = [(vec![2], vec![2]), (vec![3], vec![3])];
    assert_eq!(everything(&one), left);
    drop(one);
    assert_eq!(everything(&open(place)), left);
}
