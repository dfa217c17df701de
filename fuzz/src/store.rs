//! A client whose store fails again and again: the fuzzer chooses what is done, which calls of the store fail meanwhile,
//! and how.

use crate::people::{memory, sqlite};
use crate::two::{OPERATIONS, Operation, Two, two};
use fail::FailScenario;
use pando_mls::RowKey;
use pando_store::{Backend, FAILPOINTS, Key, StoreError};

/// How many steps there are at most.
const STEPS: usize = 24;

/// What a call that fails is told to say.
const KINDS: [&str; 3] = ["full", "read", "write"];

/// What an error says that was asked for.
const ASKED: &str = "a test has asked for this";

/// Calls that an operation makes once or twice. Of others it makes many.
const FEW: [&str; 5] = ["store::begin", "store::commit", "store::committed", "store::erase", "store::erased"];

/// The first byte chooses the store. Each five behind it are a step: what is done, and two calls that fail in it, each as
/// the name of the call with what it says, and how many of that name go well before.
pub fn store(input: &[u8]) {
    let Some((first, steps)) = input.split_first() else { return };
    // What fails is chosen for the whole process.
    let scenario = FailScenario::setup();
    let key = match first % 8 {
        6 => Some(Key::None),
        7 => Some(Key::bytes(&[1; 32]).unwrap()),
        // Most in memory: files are slow.
        _ => None,
    };
    if let Some(key) = key {
        let folder = tempfile::tempdir().unwrap();
        run(two(sqlite(&folder.path().join("store"), &key).unwrap()), steps);
    } else {
        run(two(memory()), steps);
    }
    scenario.teardown();
}

fn run<B: Backend>(mut two: Two<B>, steps: &[u8]) {
    for &[what, faults @ ..] in steps.as_chunks::<5>().0.iter().take(STEPS) {
        let (arm, operation) = (|| arm(faults), OPERATIONS[usize::from(what) % OPERATIONS.len()]);
        let (one, other) = (two.unlucky.group(), two.lucky.group());
        let pending = one.pending_proposals().chain(other.pending_proposals()).next().is_some();
        // Nobody sends data before what was proposed is committed.
        if matches!(operation, Operation::Send | Operation::Receive) && pending {
            two.finish();
        }
        told(two.run(operation, arm));
        if what >= 128 {
            // It is not over yet.
            arm();
            told(two.unlucky.reload());
        }
        two.recover();
        // With a Commit pending, not everything can be done.
        if what % 64 < 32 || two.unlucky.stored().contains_key(&RowKey::PendingCommit) {
            two.finish();
        }
    }
    two.finish();
}

/// What goes wrong is what was asked for, and nothing else.
fn told(result: Result<(), StoreError>) {
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
        // The second of the same name is in place of the first.
        fail::cfg(point, &format!("{after}*off->1*return({kind})->off")).unwrap();
    }
}
