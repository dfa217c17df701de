//! Fuzzes a client whose store fails repeatedly. The fuzzer chooses the operations, the store calls
//! that fail during these operations, and the errors.

use crate::fixtures::{memory, sqlite};
use crate::pair::{OPERATIONS, Operation, Pair, pair};
use fail::FailScenario;
use pando_mls::RowKey;
use pando_store::{Backend, FAILPOINTS, Key, StoreError};

/// The maximum number of steps in an input.
const STEPS: usize = 24;

/// The errors that a failing store call can return.
const KINDS: [&str; 3] = ["full", "read", "write"];

/// The error text by which injected errors are recognized.
const ASKED: &str = "a test has asked for this";

/// The store calls that an operation makes only once or twice. All other store calls are made many
/// times.
const FEW: [&str; 5] = ["store::begin", "store::commit", "store::committed", "store::erase", "store::erased"];

/// Runs operations of a client. The first byte selects the store. Each following group of five
/// bytes is a step, which consists of an operation and two faults. A fault has two bytes: the first
/// selects the call and its error, the second the number of calls that succeed before.
pub fn store(input: &[u8]) {
    let Some((first, steps)) = input.split_first() else { return };
    // All tests in a process share the same failpoints.
    let scenario = FailScenario::setup();
    let key = match first % 8 {
        6 => Some(Key::None),
        7 => Some(Key::bytes(&[1; 32]).unwrap()),
        // Most inputs use a store in memory, because files are slow.
        _ => None,
    };
    if let Some(key) = key {
        let folder = tempfile::tempdir().unwrap();
        run(pair(sqlite(&folder.path().join("store"), &key).unwrap()), steps);
    } else {
        run(pair(memory()), steps);
    }
    scenario.teardown();
}

fn run<B: Backend>(mut pair: Pair<B>, steps: &[u8]) {
    for &[what, faults @ ..] in steps.as_chunks::<5>().0.iter().take(STEPS) {
        let (arm, operation) = (|| arm(faults), OPERATIONS[usize::from(what) % OPERATIONS.len()]);
        let (one, other) = (pair.faulty.group(), pair.healthy.group());
        let pending = one.pending_proposals().chain(other.pending_proposals()).next().is_some();
        // A member must not send application data while proposals are pending.
        if matches!(operation, Operation::Send | Operation::Receive) && pending {
            pair.finish();
        }
        assert_injected(pair.run(operation, arm));
        if what >= 128 {
            // Make the reload fail too.
            arm();
            assert_injected(pair.faulty.reload());
        }
        pair.recover();
        // Finish pending work, because some operations are impossible while a Commit is pending.
        if what % 64 < 32 || pair.faulty.stored().contains_key(&RowKey::PendingCommit) {
            pair.finish();
        }
    }
    pair.finish();
}

/// Asserts that a result is either `Ok` or an injected error.
fn assert_injected(result: Result<(), StoreError>) {
    if let Err(error) = result {
        assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
        assert!(error.to_string().contains(ASKED), "{error:?}");
    }
}

fn arm([first, after_first, second, after_second]: [u8; 4]) {
    for (which, after) in [(first, after_first), (second, after_second)] {
        let which = usize::from(which);
        let (point, kind) =
            (FAILPOINTS[which % FAILPOINTS.len()], KINDS[which / FAILPOINTS.len() % KINDS.len()]);
        let after = after % if FEW.contains(&point) { 3 } else { 64 };
        // If both faults concern the same call, the second fault replaces the first one.
        fail::cfg(point, &format!("{after}*off->1*return({kind})->off")).unwrap();
    }
}
