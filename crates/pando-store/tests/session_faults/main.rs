//! Every call of the store fails once, in every step of two clients with sessions: the step fails, its session is dropped and
//! opened again, and the step is repeated, unless it is found done. In the end, every message was read exactly once.

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
use steps::{World, steps};

/// What happens after a step has failed.
#[derive(Debug, Clone, Copy)]
enum Recovery {
    /// The sessions are dropped and opened again.
    Restart,
    /// The sessions go on.
    GoOn,
}

/// Returns whether an error is the one that a failpoint returns: of the session, of the group that has read, or of the closure
/// that has written.
fn is_injected(error: &SessionError) -> bool {
    let error = match error {
        SessionError::Store(error) => Some(error),
        SessionError::Group(GroupError::Source(source)) => source.get_ref().downcast_ref(),
        SessionError::Application(error) => error.downcast_ref(),
        _ => None,
    };
    matches!(error, Some(StoreError::Io { kind: IoKind::Full, .. }))
}

/// Runs all steps. Returns the names of those that have failed.
fn run<B: Backend>(world: &mut World<B>, recovery: Recovery) -> Vec<&'static str> {
    let mut failed = Vec::new();
    for (name, step) in steps() {
        while let Err(error) = step(world) {
            assert!(is_injected(&error), "{name}: {error:?}");
            failed.push(name);
            assert_eq!(failed.len(), 1, "one call fails, once");
            match recovery {
                Recovery::Restart => world.restart(),
                Recovery::GoOn => {}
            }
        }
    }
    failed
}

/// Lets each `step_by`th call of each failpoint fail, one in a run.
fn drill<B: Backend>(world: impl Fn() -> World<B>, step_by: usize) {
    let (mut failed, mut silent) = (BTreeSet::new(), BTreeMap::new());
    let mut erasures = BTreeMap::new();
    for point in FAILPOINTS {
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&hits);
        fail::cfg_callback(point, move || {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
        assert!(run(&mut world(), Recovery::GoOn).is_empty());
        fail::remove(point);
        let hits = hits.load(Ordering::Relaxed);
        assert!(hits > 0, "{point}");
        if point.starts_with("store::erase") {
            erasures.insert(point, 2 * hits.div_ceil(step_by));
        }
        for nth in (0..hits).step_by(step_by) {
            for recovery in [Recovery::Restart, Recovery::GoOn] {
                let mut world = world();
                fail::cfg(point, &format!("{nth}*off->1*return(full)->off")).unwrap();
                let steps = run(&mut world, recovery);
                fail::remove(point);
                world.check();
                if steps.is_empty() {
                    *silent.entry(point).or_insert(0) += 1;
                }
                failed.extend(steps);
            }
        }
    }
    // What is not erased now is erased after the next transaction.
    let renewals = silent.remove("store::get").unwrap_or(0);
    assert_eq!(silent, erasures);
    if step_by == 1 {
        // A Commit was stored, and the new signature key could not be read after it: the next step reads it.
        assert_eq!(renewals, 2);
        assert_eq!(failed, steps::<B>().map(|(name, _)| name).into());
    }
}

#[test]
fn in_memory() {
    let scenario = FailScenario::setup();
    let world = || {
        let database = [Memory::new(), Memory::new()];
        World::new(database.map(|database| -> Box<dyn Fn() -> Store<Memory>> {
            Box::new(move || Store::new(database.again().unwrap(), &Key::None).unwrap())
        }))
    };
    drill(world, 1);
    scenario.teardown();
}

#[test]
#[cfg(feature = "sqlite")]
fn in_files() {
    use pando_store::{Sqlite, SqliteStore};
    let scenario = FailScenario::setup();
    let world = || {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        World::new(["alice", "bob"].map(|name| -> Box<dyn Fn() -> Store<Sqlite>> {
            let folder = Arc::clone(&folder);
            Box::new(move || {
                let key = Key::bytes(&[7; 32]).unwrap();
                SqliteStore::open(folder.path().join(name), &key).unwrap()
            })
        }))
    };
    drill(world, 97);
    scenario.teardown();
}
