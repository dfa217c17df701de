//! Bounded queues, fairness between partitions, and abandoned requests.

use crate::{get, open, put};
use pando_delivery::store::{QueueLimits, SqliteConfig, SqliteStore, Store, StoreError};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A future that was polled once, so its request is in the queue.
type Queued<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Sends a request, and returns its result if the request was refused at once.
async fn enqueue<T: 'static>(request: impl Future<Output = T> + Send + 'static) -> Result<Queued<T>, T> {
    let mut request: Queued<T> = Box::pin(request);
    let refused = poll_fn(|context| {
        Poll::Ready(match request.as_mut().poll(context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    });
    refused.await.map_or(Ok(request), Err)
}

/// Occupies the writer until the returned sender is dropped.
async fn occupy(store: &Arc<SqliteStore>) -> (mpsc::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let store = Arc::clone(store);
    let request = tokio::spawn(async move {
        let work = move |_: &mut dyn pando_delivery::store::Transaction| {
            begun.send(()).unwrap();
            let _ = released.recv();
            Ok(())
        };
        store.write(b"occupied", 0, work).await
    });
    has_begun.await.unwrap();
    (release, request)
}

fn config() -> SqliteConfig {
    let mut config = SqliteConfig::default();
    config.writes =
        QueueLimits { requests: 10, bytes: 10_000, partition_requests: 6, partition_bytes: 6_000 };
    config
}

/// Sends a request with the given number of bytes, which records its partition when it runs.
async fn send(
    store: &Arc<SqliteStore>,
    order: &Arc<Mutex<Vec<u8>>>,
    partition: u8,
    bytes: usize,
) -> Result<Queued<Result<(), StoreError>>, StoreError> {
    let (store, order) = (Arc::clone(store), Arc::clone(order));
    let request = async move {
        let work = move |_: &mut dyn pando_delivery::store::Transaction| {
            order.lock().unwrap().push(partition);
            Ok(())
        };
        store.write(&[partition], bytes, work).await
    };
    enqueue(request).await.map_err(Result::unwrap_err)
}

#[tokio::test]
async fn a_full_partition_leaves_room_and_turns_for_others() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &config());
    let order = Arc::default();
    let (release, occupied) = occupy(&store).await;
    let mut queued = Vec::new();
    for _ in 0..6 {
        queued.push(send(&store, &order, 1, 1).await.unwrap());
    }
    let overloaded = Some(StoreError::Overloaded);
    assert_eq!(send(&store, &order, 1, 1).await.err(), overloaded);
    for partition in [2, 2, 3, 4] {
        queued.push(send(&store, &order, partition, 1).await.unwrap());
    }
    // The whole queue is full.
    assert_eq!(send(&store, &order, 5, 1).await.err(), overloaded);
    drop(release);
    occupied.await.unwrap().unwrap();
    for queued in queued {
        queued.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4, 1, 2, 1, 1, 1, 1]);
    let counters = store.counters();
    // The request that occupied the writer was alone in its batch, and the others were together.
    assert_eq!((counters.requests, counters.batches, counters.overloaded), (11, 2, 2));
}

#[tokio::test]
async fn waiting_requests_are_bounded_by_their_bytes() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &config());
    let order = Arc::default();
    let (release, occupied) = occupy(&store).await;
    let mut queued = Vec::new();
    queued.push(send(&store, &order, 1, 6_000).await.unwrap());
    assert!(send(&store, &order, 1, 1).await.is_err());
    queued.push(send(&store, &order, 2, 4_000).await.unwrap());
    assert!(send(&store, &order, 3, 1).await.is_err());
    drop(release);
    occupied.await.unwrap().unwrap();
    for queued in queued {
        queued.await.unwrap();
    }
    // A large request is accepted if no other request waits.
    put(&store, b"a", b"key", &[1; 50_000]).await.unwrap();
}

/// A batch ends when its requests have written the maximum number of bytes, even if the requests
/// have announced fewer bytes.
#[tokio::test]
async fn a_batch_is_bounded_by_the_bytes_that_it_writes() {
    let folder = TempDir::new().unwrap();
    let mut config = config();
    config.batch_bytes = 10_000;
    let store = open(folder.path(), &config);
    let (release, occupied) = occupy(&store).await;
    let mut queued = Vec::new();
    for partition in 0..9_u8 {
        let store = Arc::clone(&store);
        let request = async move {
            store.write(&[partition], 0, |transaction| transaction.put(b"key", &[1; 4_000])).await
        };
        queued.push(enqueue::<Result<(), StoreError>>(request).await.ok().unwrap());
    }
    drop(release);
    occupied.await.unwrap().unwrap();
    for queued in queued {
        queued.await.unwrap();
    }
    // Three requests exceed the limit together.
    assert_eq!(store.counters().batches, 4);
}

/// If the maximum is zero, each request has a batch of its own.
#[tokio::test]
async fn a_batch_has_at_least_one_request() {
    let folder = TempDir::new().unwrap();
    let mut config = config();
    (config.batch_bytes, config.batch_requests) = (0, 0);
    let store = open(folder.path(), &config);
    put(&store, b"a", b"key", b"value").await.unwrap();
    put(&store, b"a", b"other", b"value").await.unwrap();
    assert_eq!(store.counters().batches, 2);
}

#[tokio::test]
async fn an_abandoned_request_does_not_run() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), &config());
    let (release, occupied) = occupy(&store).await;
    let of_request = Arc::clone(&store);
    let request = async move { put(&of_request, b"a", b"key", b"value").await };
    drop(enqueue(request).await);
    drop(release);
    occupied.await.unwrap().unwrap();
    put(&store, b"a", b"other", b"value").await.unwrap();
    assert_eq!(get(&store, b"a", b"key").await, None);
    assert_eq!(store.counters().requests, 2);
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

/// The destructors of an abandoned request and of a result without a receiver run in the threads of
/// the store, which must survive a panic.
#[tokio::test]
async fn panics_of_destructors_do_not_stop_the_store() {
    let folder = TempDir::new().unwrap();
    let mut config = config();
    config.readers = 1;
    let store = open(folder.path(), &config);
    let (release, occupied) = occupy(&store).await;
    let value = PanicsOnDrop;
    let of_request = Arc::clone(&store);
    let request = async move {
        let work = move |_: &mut dyn pando_delivery::store::Transaction| {
            let _value = &value;
            Ok::<_, StoreError>(())
        };
        of_request.write(b"a", 0, work).await
    };
    drop(enqueue(request).await);
    drop(release);
    occupied.await.unwrap().unwrap();
    put(&store, b"a", b"key", b"value").await.unwrap();

    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let of_request = Arc::clone(&store);
    let request = async move {
        let work = move |_: &mut dyn pando_delivery::store::Transaction| {
            begun.send(()).unwrap();
            let _ = released.recv();
            Ok::<_, StoreError>(PanicsOnDrop)
        };
        of_request.write(b"a", 0, work).await
    };
    let request = enqueue(request).await;
    has_begun.await.unwrap();
    drop(request);
    drop(release);
    put(&store, b"a", b"key", b"later").await.unwrap();

    let (release, released) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let of_request = Arc::clone(&store);
    let request = async move {
        let work = move |_: &dyn pando_delivery::store::Snapshot| {
            begun.send(()).unwrap();
            let _ = released.recv();
            Ok::<_, StoreError>(PanicsOnDrop)
        };
        of_request.read(b"a", work).await
    };
    let request = enqueue(request).await;
    has_begun.await.unwrap();
    drop(request);
    drop(release);
    assert_eq!(get(&store, b"a", b"key").await, Some(b"later".to_vec()));
}

/// Reads do not wait for the writer, and their queue is bounded, too.
#[tokio::test]
async fn reads_are_bounded() {
    let folder = TempDir::new().unwrap();
    let mut config = config();
    config.reads.requests = 3;
    config.readers = 1;
    let store = open(folder.path(), &config);
    let (release, occupied) = occupy(&store).await;
    assert_eq!(get(&store, b"a", b"key").await, None);
    let (release_reader, released) = mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let of_reader = Arc::clone(&store);
    let occupying = tokio::spawn(async move {
        let work = move |_: &dyn pando_delivery::store::Snapshot| {
            begun.send(()).unwrap();
            let _ = released.recv();
            Ok(())
        };
        of_reader.read(b"a", work).await
    });
    has_begun.await.unwrap();
    let mut queued = Vec::new();
    for _ in 0..3 {
        let store = Arc::clone(&store);
        let request = async move { store.read(b"a", |_| Ok::<_, StoreError>(())).await };
        queued.push(enqueue(request).await.ok().unwrap());
    }
    assert_eq!(store.read(b"b", |_| Ok(())).await, Err(StoreError::Overloaded));
    assert_eq!(store.due(1, 1).await, Err(StoreError::Overloaded));
    drop((release, release_reader));
    occupied.await.unwrap().unwrap();
    let results: Result<(), StoreError> = occupying.await.unwrap();
    results.unwrap();
    for queued in queued {
        queued.await.unwrap();
    }
}
