//! Makes every call of the store fail once, in every step of two clients with sessions. After a
//! failure, the sessions either are restarted or continue, and the step is repeated unless it was
//! stored. In the end, every message has been read exactly once.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

#[path = "../session/fixture.rs"]
mod fixture;
mod steps;

use fail::FailScenario;
use pando_mls::GroupError;
use pando_store::session::SessionError;
use pando_store::{Backend, FAILPOINTS, IoKind, Key, Memory, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use steps::{Pair, steps};

/// The recovery from a failed step.
#[derive(Debug, Clone, Copy)]
enum Recovery {
    /// The sessions are dropped and opened again.
    Restart,
    /// The sessions continue.
    Continue,
}

/// Returns whether an error comes from a failpoint. The error can arise in the session, in a read
/// by the group, or in a write by the closure.
fn is_injected(error: &SessionError) -> bool {
    let error = match error {
        SessionError::Store(error) => Some(error),
        SessionError::Group(GroupError::Source(source)) => source.get_ref().downcast_ref(),
        SessionError::Application(error) => error.downcast_ref(),
        _ => None,
    };
    matches!(error, Some(StoreError::Io { kind: IoKind::Full, .. }))
}

/// Runs all steps. Returns the names of the steps that have failed.
fn run<B: Backend>(pair: &mut Pair<B>, recovery: Recovery) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, step) in steps() {
        while let Err(error) = step(pair) {
            assert!(is_injected(&error), "{name}: {error:?}");
            failed.push(name);
            assert_eq!(failed.len(), 1, "one call fails, once");
            match recovery {
                Recovery::Restart => pair.restart(),
                Recovery::Continue => {}
            }
        }
    }
    failed
}

/// Makes every `step_by`th call of each failpoint fail, one call in each run.
fn run_with_faults<B: Backend>(pair: impl Fn() -> Pair<B>, step_by: usize) {
    let (mut failed, mut silent) = (BTreeSet::new(), BTreeMap::new());
    let mut erasures = BTreeMap::new();
    for point in FAILPOINTS {
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&hits);
        fail::cfg_callback(point, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        assert!(run(&mut pair(), Recovery::Continue).is_empty());
        fail::remove(point);
        let hits = hits.load(Ordering::Relaxed);
        assert!(hits > 0, "{point}");
        if point.starts_with("store::erase") {
            erasures.insert(point, 2 * hits.div_ceil(step_by));
        }
        for nth in (0..hits).step_by(step_by) {
            for recovery in [Recovery::Restart, Recovery::Continue] {
                let mut pair = pair();
                fail::cfg(point, &format!("{nth}*off->1*return(full)->off")).unwrap();
                let steps = run(&mut pair, recovery);
                fail::remove(point);
                pair.check();
                if steps.is_empty() {
                    *silent.entry(point).or_insert(0) += 1;
                }
                failed.extend(steps);
            }
        }
    }
    // A failed erasure is repeated after the next transaction, so no step fails.
    let renewals = silent.remove("store::get").unwrap_or(0);
    assert_eq!(silent, erasures);
    if step_by == 1 {
        // The Commit is stored, but afterwards the new signature key cannot be read. The next step
        // reads the key.
        assert_eq!(renewals, 2);
        assert_eq!(failed, steps::<B>().map(|(name, _)| name).into());
    }
}

#[test]
fn in_memory() {
    let scenario = FailScenario::setup();
    let pair = || {
        let database = [Memory::new(), Memory::new()];
        Pair::new(database.map(|database| -> Box<dyn Fn() -> Store<Memory>> {
            Box::new(move || Store::new(database.again().unwrap(), &Key::None).unwrap())
        }))
    };
    run_with_faults(pair, 1);
    scenario.teardown();
}

#[test]
#[cfg(feature = "sqlite")]
fn in_files() {
    use pando_store::{Sqlite, SqliteStore};
    let scenario = FailScenario::setup();
    let pair = || {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Pair::new(["alice", "bob"].map(|name| -> Box<dyn Fn() -> Store<Sqlite>> {
            let folder = Arc::clone(&folder);
            Box::new(move || {
                let key = Key::bytes(&[7; 32]).unwrap();
                SqliteStore::open(folder.path().join(name), &key).unwrap()
            })
        }))
    };
    run_with_faults(pair, 97);
    scenario.teardown();
}
