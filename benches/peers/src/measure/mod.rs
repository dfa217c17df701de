//! The operations, grouped into scenarios. Each scenario is a process that creates a group and
//! measures some operations in it.
//!
//! A separate process can be stopped if it takes too long, and its heap contains no data of other
//! scenarios. The process prints a line of JSON for each measurement, and announces each step.
//! [`supervise`] reads this output.

pub mod cli;
mod create;
mod groups;
mod heap;
mod life;
mod meter;
pub mod supervise;

use std::{path::PathBuf, time::Duration};

use crate::library::{
    Library,
    mls_rs::{MlsRsAwsLc, MlsRsRustCrypto},
    openmls::OpenMls,
};
use meter::Meter;

/// A set of operations that are measured in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Creating KeyPackages, and creating a group to which a single Commit adds all other members.
    Create,
    /// Creating a group to which a single Commit adds all other members, with the tree out of band.
    CreateOob,
    /// Joining, with the tree out of band, a group to which a single Commit has added all other
    /// members.
    JoinOob,
    /// The operations of a member in a tree whose parent nodes are blank.
    Fresh,
    /// Commits without proposals in a tree whose parent nodes are filled.
    Warm,
    /// The heap, measured by a program with a counting allocator.
    Heap,
}

impl Scenario {
    /// All scenarios.
    pub const ALL: [Self; 6] =
        [Self::Create, Self::CreateOob, Self::JoinOob, Self::Fresh, Self::Warm, Self::Heap];

    /// Returns the operations that the scenario measures for a library, in the order of
    /// measurement.
    #[must_use]
    pub fn ops(self, implementation: &str) -> Vec<&'static str> {
        let ops = match self {
            Self::Create => create::OPS,
            Self::CreateOob => create::OPS_OOB,
            Self::JoinOob => create::OPS_JOIN_OOB,
            Self::Fresh => life::OPS,
            Self::Warm => life::OPS_WARM,
            Self::Heap => heap::OPS,
        };
        // Only OpenMLS allows an application to inspect a Commit before it is merged.
        ops.iter().copied().filter(|op| implementation == "openmls" || !op.ends_with("_stage_only")).collect()
    }
}

/// The selected measurements, and the limits that apply to them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The library to measure, which is `openmls` or `mls-rs`.
    pub implementation: String,
    /// The cryptographic backend, which is `rustcrypto` or `aws-lc`.
    pub crypto: String,
    /// The number of members of the group, which must be at least two.
    pub size: usize,
    /// The operations to measure. If the list is empty, all operations are measured.
    pub ops: Vec<String>,
    /// The maximum number of runs of an operation. Short operations are repeated more often.
    pub runs: usize,
    /// The maximum time for one run or for one step of the preparation. All runs of an operation
    /// together may take a third of this time.
    pub budget: Duration,
    /// The program that builds large warm groups.
    pub builder: Option<PathBuf>,
}

/// An allocator that counts the bytes that are currently allocated, and their peak since the last
/// reset.
pub trait Heap {
    /// Returns the number of bytes that are currently allocated.
    fn current(&self) -> usize;
    /// Returns the largest number of allocated bytes since the last reset.
    fn peak(&self) -> usize;
    /// Resets the peak.
    fn reset_peak(&self);
}

/// Runs a scenario in this process.
///
/// # Panics
///
/// Panics if the library is unknown, or if any operation fails.
pub fn run(settings: &Settings, scenario: Scenario, allocator: Option<&dyn Heap>) {
    match (settings.implementation.as_str(), settings.crypto.as_str()) {
        ("openmls", "rustcrypto") => run_for::<OpenMls>(settings, scenario, allocator),
        ("mls-rs", "rustcrypto") => run_for::<MlsRsRustCrypto>(settings, scenario, allocator),
        ("mls-rs", "aws-lc") => run_for::<MlsRsAwsLc>(settings, scenario, allocator),
        (implementation, crypto) => panic!("{implementation} has no provider {crypto} here"),
    }
}

fn run_for<L: Library>(settings: &Settings, scenario: Scenario, allocator: Option<&dyn Heap>) {
    let mut meter = Meter::new(settings);
    match (scenario, allocator) {
        (Scenario::Create, _) => create::create::<L>(&mut meter, settings.size, true),
        (Scenario::CreateOob, _) => create::create::<L>(&mut meter, settings.size, false),
        (Scenario::JoinOob, _) => create::join_oob::<L>(&mut meter, settings.size),
        (Scenario::Fresh, _) => life::fresh::<L>(&mut meter, settings.size),
        (Scenario::Warm, _) => life::warm::<L>(&mut meter, settings.size, settings.builder.as_deref()),
        (Scenario::Heap, Some(allocator)) => heap::heap::<L>(&mut meter, settings.size, allocator),
        (Scenario::Heap, None) => panic!("the allocator of this program does not count"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_is_measured_twice() {
        let mut all: Vec<_> =
            Scenario::ALL.into_iter().flat_map(|scenario| scenario.ops("openmls")).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(!Scenario::Warm.ops("mls-rs").contains(&"process_update_commit_warm_stage_only"));
    }
}
