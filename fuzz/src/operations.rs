//! Fuzzes whole histories of groups. The fuzzer makes the choices that the simulation in
//! `crates/pando-mls/tests/simulation` derives from a seed.

use crate::history::{Step, operations as all};
use crate::random::mix;
use crate::run::{nothing, run};
use crate::simulation::Parameters;
use std::collections::BTreeSet;

/// The maximum number of steps in a history.
const STEPS: usize = 32;

/// Runs a history. The first byte selects the number of clients and the cipher suites. Each
/// following pair of bytes is a step, which consists of an operation and the seed of its random
/// choices.
pub fn operations(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else { return };
    let suites: &'static [u16] = if first % 2 == 0 { &[1] } else { &[3, 1] };
    let parameters = Parameters { suites, clients: 2 + usize::from(first >> 1) % 5, seed: u64::from(*first) };
    let all: Vec<_> = all().collect::<BTreeSet<_>>().into_iter().collect();
    let (steps, _) = bytes.as_chunks::<2>();
    let steps = steps.iter().take(STEPS).zip(0_u64..).map(|(&[what, seed], number)| Step {
        operation: all[usize::from(what) % all.len()],
        seed: mix((number << 8) | u64::from(seed)),
    });
    if let Err(broken) = run(parameters, steps, usize::MAX, nothing) {
        panic!("{broken}");
    }
}
