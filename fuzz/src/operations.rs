//! Whole histories of groups: what the simulation in `crates/pando-mls/tests/simulation` does by a seed, the fuzzer chooses.

use crate::dice::mix;
use crate::history::{Step, operations as all};
use crate::run::{nothing, run};
use crate::world::Setting;
use std::collections::BTreeSet;

/// How many steps a history has at most.
const STEPS: usize = 32;

/// The first byte says how many clients there are and which suites; each two behind it are a step: what is done, and the
/// number from which follows all that is left open.
pub fn operations(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let suites: &'static [u16] = if first % 2 == 0 { &[1] } else { &[3, 1] };
    let setting = Setting { suites, clients: 2 + usize::from(first >> 1) % 5, seed: u64::from(*first) };
    let all: Vec<_> = all().collect::<BTreeSet<_>>().into_iter().collect();
    let (steps, _) = bytes.as_chunks::<2>();
    let steps = steps.iter().take(STEPS).zip(0_u64..).map(|(&[what, seed], number)| Step {
        operation: all[usize::from(what) % all.len()],
        seed: mix((number << 8) | u64::from(seed)),
    });
    if let Err(broken) = run(setting, steps, usize::MAX, nothing) {
        panic!("{broken}");
    }
}
