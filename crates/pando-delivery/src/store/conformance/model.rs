//! Compares a store with a [`MemoryStore`] over random requests.

use crate::store::error::{Limit, StoreError};
use crate::store::interface::{Snapshot, Store, Transaction};
use crate::store::memory::MemoryStore;
use crate::store::range::{KeyRange, Page, Row, ScanLimit};
use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

/// Number of random sequences of requests.
const CASES: u32 = 24;

/// One step of a transaction or a snapshot.
#[derive(Debug, Clone)]
enum Step {
    Get(Vec<u8>),
    Scan(KeyRange, ScanLimit),
    Last(KeyRange),
    Due,
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    DeleteRange(KeyRange, usize),
    SetDue(Option<u64>),
    /// A write that exceeds a limit, whose error is ignored.
    TooLong,
}

/// The result of a step.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Value(Option<Vec<u8>>),
    Page(Page),
    Row(Option<Row>),
    Due(Option<u64>),
    Done,
    HasMore(bool),
}

#[derive(Debug, Clone)]
enum Request {
    /// A write request, with its steps. If the flag is set, the request returns an error at the
    /// end.
    Write(Vec<u8>, Vec<Step>, bool),
    Read(Vec<u8>, Vec<Step>),
    Due(u64, usize),
    Reopen,
}

#[derive(Debug, PartialEq, Eq)]
enum Error {
    OnPurpose(Vec<Seen>),
    Store(StoreError),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(super) fn run<P, S: Store>(runtime: &Runtime, place: impl Fn() -> P, open: impl Fn(&P) -> S) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let checked = runner.run(&vec(request(), 1..40), |requests| {
        let place = place();
        let (mut store, model) = (Some(open(&place)), MemoryStore::new());
        for request in requests {
            if matches!(request, Request::Reopen) {
                drop(store.take());
                store = Some(open(&place));
            }
            let opened = store.as_ref().unwrap();
            runtime.block_on(compare(opened, &model, &request));
        }
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}

async fn compare(store: &impl Store, model: &MemoryStore, request: &Request) {
    match request {
        Request::Write(partition, steps, fails) => {
            let work = || {
                let (steps, fails) = (steps.clone(), *fails);
                move |transaction: &mut dyn Transaction| {
                    let seen = write_all(transaction, &steps)?;
                    if fails { Err(Error::OnPurpose(seen)) } else { Ok(seen) }
                }
            };
            let expected = model.write(partition, 0, work()).await;
            assert_eq!(store.write(partition, 0, work()).await, expected, "{request:?}");
        }
        Request::Read(partition, steps) => {
            let work = || {
                let steps = steps.clone();
                move |snapshot: &dyn Snapshot| {
                    let seen = steps.iter().map(|step| read(snapshot, step));
                    seen.collect::<Result<Vec<_>, StoreError>>()
                }
            };
            let expected = model.read(partition, work()).await;
            assert_eq!(store.read(partition, work()).await, expected, "{request:?}");
        }
        Request::Due(now, limit) => {
            assert_eq!(store.due(*now, *limit).await, model.due(*now, *limit).await, "{request:?}");
        }
        Request::Reopen => {}
    }
}

fn write_all(transaction: &mut dyn Transaction, steps: &[Step]) -> Result<Vec<Seen>, StoreError> {
    let mut seen = Vec::new();
    for step in steps {
        seen.push(match step {
            Step::Put(key, value) => transaction.put(key, value).map(|()| Seen::Done)?,
            Step::Delete(key) => transaction.delete(key).map(|()| Seen::Done)?,
            Step::DeleteRange(range, limit) => Seen::HasMore(transaction.delete_range(range, *limit)?),
            Step::SetDue(at) => transaction.set_due(*at).map(|()| Seen::Done)?,
            Step::TooLong => {
                transaction.put(&[0; Limit::KEY + 1], &[]).unwrap_err();
                Seen::Done
            }
            step => read(transaction, step)?,
        });
    }
    Ok(seen)
}

fn read(snapshot: &(impl Snapshot + ?Sized), step: &Step) -> Result<Seen, StoreError> {
    Ok(match step {
        Step::Get(key) => Seen::Value(snapshot.get(key)?),
        Step::Scan(range, limit) => Seen::Page(snapshot.scan(range, *limit)?),
        Step::Last(range) => Seen::Row(snapshot.last(range)?),
        _ => Seen::Due(snapshot.due()?),
    })
}

/// Returns short keys from few bytes, so that the same keys occur often.
fn key() -> impl Strategy<Value = Vec<u8>> + Clone {
    vec(prop_oneof![Just(0_u8), Just(1), Just(0x7f), Just(0xfe), Just(0xff)], 0..4)
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        Just(KeyRange::all()),
        key().prop_map(KeyRange::prefix),
        key().prop_map(KeyRange::starting_at),
        (key(), key()).prop_map(|(start, end)| KeyRange::between(start, end)),
        (key(), key()).prop_map(|(prefix, key)| KeyRange::prefix(prefix).after(&key)),
    ]
}

fn read_step() -> BoxedStrategy<Step> {
    let limit = (0..8_usize, prop_oneof![Just(usize::MAX), 0..200_usize]);
    prop_oneof![
        key().prop_map(Step::Get),
        (range(), limit).prop_map(|(range, (rows, bytes))| Step::Scan(range, ScanLimit { rows, bytes })),
        range().prop_map(Step::Last),
        Just(Step::Due),
    ]
    .boxed()
}

fn step() -> BoxedStrategy<Step> {
    let value = prop_oneof![
        vec(any::<u8>(), 0..20),
        (any::<u8>(), 0..9_000_usize).prop_map(|(byte, len)| vec![byte; len])
    ];
    prop_oneof![
        4 => (key(), value).prop_map(|(key, value)| Step::Put(key, value)),
        1 => key().prop_map(Step::Delete),
        1 => (range(), 0..6_usize).prop_map(|(range, limit)| Step::DeleteRange(range, limit)),
        1 => prop::option::of(0..20_u64).prop_map(Step::SetDue),
        3 => read_step(),
    ]
    .boxed()
}

fn request() -> BoxedStrategy<Request> {
    let partition = prop_oneof![Just(b"a".to_vec()), Just(b"ab".to_vec()), Just(vec![0]), Just(vec![0xff])];
    let ignored = prop_oneof![12 => Just(None), 1 => Just(Some(Step::TooLong))];
    let steps = (vec(step(), 0..8), ignored).prop_map(|(mut steps, ignored)| {
        steps.extend(ignored);
        steps
    });
    prop_oneof![
        8 => (partition.clone(), steps, prop::bool::weighted(0.2))
            .prop_map(|(partition, steps, fails)| Request::Write(partition, steps, fails)),
        4 => (partition, vec(read_step(), 1..6)).prop_map(|(partition, steps)| Request::Read(partition, steps)),
        1 => (0..25_u64, 0..6_usize).prop_map(|(now, limit)| Request::Due(now, limit)),
        1 => Just(Request::Reopen),
    ]
    .boxed()
}
