//! Tests of requests that fail, panic or are dropped, and of snapshots.

use super::helpers::{all, everything, get, put, row, test, write};
use crate::store::error::{Limit, StoreError};
use crate::store::interface::Store;
use crate::store::range::{KeyRange, ScanLimit};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use tokio::runtime::Runtime;

pub(super) fn run<P, S: Store>(runtime: &Runtime, new: impl Fn() -> (P, Arc<S>) + Copy) {
    test(runtime, new, an_error_rolls_back_its_request);
    test(runtime, new, an_ignored_error_rolls_back_its_request);
    test(runtime, new, methods_return_an_ignored_error_again);
    test(runtime, new, a_panic_rolls_back_its_request);
    test(runtime, new, failures_do_not_affect_other_requests);
    test(runtime, new, a_dropped_request_is_all_or_nothing);
    test(runtime, new, a_snapshot_does_not_change);
    test(runtime, new, a_read_can_fail_and_panic);
}

/// The error of a caller.
#[derive(Debug, PartialEq, Eq)]
enum CallerError {
    Conflict(u32),
    Store(StoreError),
}

impl From<StoreError> for CallerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

const P: &[u8] = b"g/tea";

async fn an_error_rolls_back_its_request(store: Arc<impl Store>) {
    put(&store, P, &[1], &[1]).await;
    let result = store.write(P, 0, |transaction| {
        transaction.put(&[1], &[2])?;
        transaction.put(&[2], &[2])?;
        transaction.set_due(Some(1))?;
        Err::<(), _>(CallerError::Conflict(7))
    });
    assert_eq!(result.await, Err(CallerError::Conflict(7)));
    assert_eq!(all(&store, P).await, [row(&[1], &[1])]);
    assert_eq!(store.due(u64::MAX, 1).await, Ok(vec![]));
    // Errors of the store are converted.
    let result = store.write(b"", 0, |_| Ok::<(), CallerError>(()));
    assert_eq!(result.await, Err(CallerError::Store(StoreError::Limit(Limit::PartitionLength))));
}

async fn an_ignored_error_rolls_back_its_request(store: Arc<impl Store>) {
    let result = store.write(P, 0, |transaction| {
        transaction.put(&[1], &[1])?;
        let _ = transaction.put(&[0; Limit::KEY + 1], &[]);
        transaction.put(&[2], &[2])
    });
    assert_eq!(result.await, Err(StoreError::Limit(Limit::KeyLength)));
    // If the function returns an error of its own, the caller gets this error.
    let result = store.write(P, 0, |transaction| {
        let _ = transaction.put(&[0; Limit::KEY + 1], &[]);
        Err::<(), _>(CallerError::Conflict(1))
    });
    assert_eq!(result.await, Err(CallerError::Conflict(1)));
    assert_eq!(all(&store, P).await, []);
}

/// After an error, no method of the transaction has an effect, and each returns the first error.
async fn methods_return_an_ignored_error_again(store: Arc<impl Store>) {
    put(&store, P, &[1], &[1]).await;
    let error = StoreError::Limit(Limit::KeyLength);
    let result = store.write(P, 0, move |transaction| {
        assert_eq!(transaction.put(&[0; Limit::KEY + 1], &[]), Err(error));
        assert_eq!(transaction.put(&[2], &[2]), Err(error));
        assert_eq!(transaction.set_due(Some(u64::MAX)), Err(error));
        assert_eq!(transaction.set_due(None), Err(error));
        assert_eq!(transaction.delete(&[1]), Err(error));
        assert_eq!(transaction.delete_range(&KeyRange::all(), 1), Err(error));
        assert_eq!(transaction.get(&[1]), Err(error));
        assert_eq!(transaction.scan(&KeyRange::all(), ScanLimit::rows(1)), Err(error));
        assert_eq!(transaction.last(&KeyRange::all()), Err(error));
        assert_eq!(transaction.due(), Err(error));
        Ok(())
    });
    assert_eq!(result.await, Err(error));
    assert_eq!(all(&store, P).await, [row(&[1], &[1])]);
}

/// Runs a request that panics, and returns the message of the panic.
async fn panics<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> String {
    let Err(error) = tokio::spawn(request).await else { panic!("the request did not panic") };
    error.into_panic().downcast::<&str>().unwrap().to_string()
}

async fn a_panic_rolls_back_its_request(store: Arc<impl Store>) {
    let of_request = Arc::clone(&store);
    let request = async move {
        let work = |transaction: &mut dyn crate::store::Transaction| {
            transaction.put(&[1], &[1])?;
            if transaction.get(&[1])?.is_some() {
                panic!("on purpose");
            }
            Ok::<(), StoreError>(())
        };
        of_request.write(P, 0, work).await
    };
    assert_eq!(panics(request).await, "on purpose");
    assert_eq!(all(&store, P).await, []);
    put(&store, P, &[2], &[2]).await;
    assert_eq!(all(&store, P).await, [row(&[2], &[2])]);
}

/// Runs many requests at the same time, of which every third fails and every seventh panics, so
/// that a store with batches has all three kinds in one batch.
async fn failures_do_not_affect_other_requests(store: Arc<impl Store>) {
    let requests: Vec<_> = (0..210_u32)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let partition = [b'g', b'/', (number % 3).to_be_bytes()[3]];
                let work = move |transaction: &mut dyn crate::store::Transaction| {
                    transaction.put(&number.to_be_bytes(), b"row")?;
                    transaction.put(&[&b"second"[..], &number.to_be_bytes()].concat(), b"row")?;
                    match number {
                        _ if number.is_multiple_of(7) => panic!("on purpose"),
                        _ if number % 5 == 1 => Err(CallerError::Conflict(number)),
                        _ => Ok(number),
                    }
                };
                store.write(&partition, 0, work).await
            })
        })
        .collect();
    let mut succeeded = Vec::new();
    for (number, request) in (0..).zip(requests) {
        match request.await {
            Err(error) => assert!(error.is_panic() && number % 7 == 0, "{error}"),
            Ok(Err(error)) => assert_eq!((error, number % 5), (CallerError::Conflict(number), 1)),
            Ok(Ok(returned)) => {
                assert_eq!(returned, number);
                succeeded.push(number);
            }
        }
    }
    assert_eq!(succeeded.len(), 144);
    let mut found = Vec::new();
    for partition in 0..3 {
        let rows = all(&store, &[b'g', b'/', partition]).await;
        let (firsts, seconds) = rows.split_at(rows.len() / 2);
        for (first, second) in firsts.iter().zip(seconds) {
            assert_eq!(second.key, [b"second", first.key.as_slice()].concat(), "both rows or none");
            found.push(u32::from_be_bytes(first.key.as_slice().try_into().unwrap()));
        }
    }
    found.sort_unstable();
    assert_eq!(found, succeeded);
}

async fn a_dropped_request_is_all_or_nothing(store: Arc<impl Store>) {
    for number in 0..50_u8 {
        let partition = [b'g', number];
        let mut request = pin!(store.write(&partition, 0, |transaction| {
            transaction.put(&[1], &[])?;
            transaction.put(&[2], &[])
        }));
        // The request is polled once and then dropped.
        poll_fn(|context| {
            let _ = request.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
    }
    for number in 0..50_u8 {
        // A later request of the same partition takes effect after the dropped one.
        put(&store, &[b'g', number], &[3], &[]).await;
        let keys: Vec<_> = all(&store, &[b'g', number]).await.iter().map(|row| row.key[0]).collect();
        assert!(keys == [3] || keys == [1, 2, 3], "{keys:?}");
    }
}

async fn a_snapshot_does_not_change(store: Arc<impl Store>) {
    put(&store, P, &[1], &[1]).await;
    let (begun, has_begun) = mpsc::channel();
    let (written, is_written) = mpsc::channel();
    let of_reader = Arc::clone(&store);
    let reader = tokio::spawn(async move {
        let work = move |snapshot: &dyn crate::store::Snapshot| {
            let before = (everything(snapshot)?, snapshot.due()?);
            begun.send(()).unwrap();
            is_written.recv().unwrap();
            assert_eq!((everything(snapshot)?, snapshot.due()?), before);
            Ok::<_, StoreError>(before)
        };
        of_reader.read(P, work).await
    });
    has_begun.recv().unwrap();
    let changed = write(&store, P, |transaction| {
        transaction.put(&[2], &[2])?;
        transaction.delete(&[1])?;
        transaction.set_due(Some(1))
    });
    // The writer does not wait for the reader.
    changed.await;
    assert_eq!(all(&store, P).await, [row(&[2], &[2])]);
    written.send(()).unwrap();
    assert_eq!(reader.await.unwrap(), Ok((vec![row(&[1], &[1])], None)));
}

async fn a_read_can_fail_and_panic(store: Arc<impl Store>) {
    let result = store.read(P, |_| Err::<(), _>(CallerError::Conflict(3))).await;
    assert_eq!(result, Err(CallerError::Conflict(3)));
    let of_request = Arc::clone(&store);
    let request = async move {
        let work = |snapshot: &dyn crate::store::Snapshot| {
            if snapshot.get(&[1])?.is_none() {
                panic!("on purpose");
            }
            Ok::<(), StoreError>(())
        };
        of_request.read(P, work).await
    };
    assert_eq!(panics(request).await, "on purpose");
    for _ in 0..20 {
        assert_eq!(get(&store, P, &[1]).await, None);
    }
}
