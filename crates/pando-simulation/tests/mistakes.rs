//! The simulation finds each mistake that the engine can make.

use pando_simulation::{Certificates, Mistake, run_seed};

/// The actions of each simulation.
const ACTIONS: usize = 600;

/// The seed that finds each mistake, and the rule that is violated, from
/// `cargo run --release -p pando-simulation -- --mistakes`.
const FOUND: &[(Mistake, u64, &str)] = &[];

#[test]
fn each_mistake_is_found_by_its_seed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let certificates = Certificates::issue().unwrap();
    let run = |seed, mistake| runtime.block_on(run_seed(&certificates, seed, ACTIONS, mistake)).unwrap();
    for (mistake, seed, rule) in FOUND {
        let found = run(*seed, Some(*mistake)).violations;
        assert!(found.iter().any(|violation| violation.rule == *rule), "{mistake:?}: {found:?}");
        let right = run(*seed, None).violations;
        assert!(right.is_empty(), "seed {seed} without a mistake: {right:?}");
    }
}

#[test]
fn each_mistake_has_a_seed() {
    let found: Vec<_> = FOUND.iter().map(|(mistake, _, _)| *mistake).collect();
    assert_eq!(found, Mistake::ALL);
}
