//! The command line of the programs that perform measurements.

use std::{path::PathBuf, time::Duration};

use clap::Parser;

use super::{Heap, Scenario, Settings, run, supervise};

/// Measures OpenMLS or mls-rs.
#[derive(Parser)]
pub struct Cli {
    /// The library to measure: openmls or mls-rs.
    #[arg(long = "impl", value_parser = ["openmls", "mls-rs"])]
    implementation: String,
    /// The cryptographic backend of the library: rustcrypto, or aws-lc for mls-rs.
    #[arg(long, value_parser = ["rustcrypto", "aws-lc"])]
    crypto: String,
    /// The group sizes, as numbers of members separated by commas.
    #[arg(long = "size", value_delimiter = ',', required = true, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    sizes: Vec<u32>,
    /// Measure only these operations, separated by commas.
    #[arg(long = "op", value_delimiter = ',')]
    ops: Vec<String>,
    /// The number of runs of an operation. Short operations are repeated more often.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// The maximum number of seconds for one run. An operation that takes longer is left out. All
    /// runs of an operation together may take a third of this time.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    budget: u64,
    /// The program that builds warm groups of more than 1,000 members, which is Pando's
    /// large-group.
    #[arg(long)]
    builder: Option<PathBuf>,
    /// Print one line of JSON for each measurement. There is no other output format.
    #[arg(long)]
    json: bool,
    /// Run a single scenario in this process.
    #[arg(long, hide = true)]
    scenario: Option<Scenario>,
}

impl Cli {
    /// Runs the measurements that the arguments select.
    ///
    /// # Errors
    ///
    /// Returns an error if a process cannot be started.
    pub fn run(self, allocator: Option<&dyn Heap>) -> std::io::Result<()> {
        for size in self.sizes {
            let settings = Settings {
                implementation: self.implementation.clone(),
                crypto: self.crypto.clone(),
                size: size as usize,
                ops: self.ops.clone(),
                runs: self.runs.into(),
                budget: Duration::from_secs(self.budget),
                builder: self.builder.clone(),
            };
            match self.scenario {
                Some(scenario) => run(&settings, scenario, allocator),
                None => supervise::measure(&settings, |line| println!("{line}"))?,
            }
        }
        Ok(())
    }
}
