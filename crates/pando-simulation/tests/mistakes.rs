//! The simulation finds each mistake that the engine can make.

use pando_simulation::{Certificates, Mistake, run_seed};

/// The actions of each simulation.
const ACTIONS: usize = 600;

/// The seed that finds each mistake, and the rule that is violated, from
/// `cargo run --release -p pando-simulation -- --mistakes`.
const FOUND: &[(Mistake, u64, &str)] = &[
    (Mistake::ForgetsRequest, 14, "progress"),
    (Mistake::MergesBeforePublishing, 0, "progress"),
    (Mistake::MergesByReceipt, 0, "progress"),
    (Mistake::BuildsTwoCommits, 0, "progress"),
    (Mistake::TakesOwnCommitAsForeign, 0, "progress"),
    (Mistake::BuildsUnknownAgain, 38, "progress"),
    (Mistake::RejoinsAfterConflict, 0, "no needless join"),
    (Mistake::JoinsFromOldState, 2, "progress"),
    (Mistake::SkipsOnReconnect, 0, "progress"),
    (Mistake::AdvancesCursorFirst, 6, "progress"),
    (Mistake::SkipsFailedCommit, 58, "progress"),
    (Mistake::KeepsRowsAfterFailure, 1, "I3"),
    (Mistake::ReusesCallNumbers, 273, "no needless request"),
    (Mistake::UploadsKeyPackagesOnce, 0, "KeyPackages"),
    (Mistake::DeletesOldKeyPackages, 0, "no ghost"),
    (Mistake::DropsWelcome, 48, "no ghost"),
    (Mistake::RepeatsLeave, 0, "no needless request"),
    (Mistake::CommitsNoProposals, 0, "progress"),
    (Mistake::AbandonsCreation, 21, "progress"),
    (Mistake::RenamesMessage, 0, "I10"),
    (Mistake::EncryptsUnknownAgain, 0, "no false alarm"),
    (Mistake::LosesEvents, 0, "I10"),
    (Mistake::NumbersEventsAnew, 0, "I10"),
];

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
