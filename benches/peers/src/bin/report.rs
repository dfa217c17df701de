//! Makes the report from lines of JSON.

use std::{error::Error, fs, path::PathBuf};

use clap::Parser;
use pando_peers::report::{self, machine::Machine, results::Results};

/// Makes the tables and plots of measurements.
#[derive(Parser)]
struct Cli {
    /// The files with lines of JSON. A line replaces a line of an earlier file for the same
    /// measurement.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The day of the measurements.
    #[arg(long)]
    date: String,
    /// The folder that gets `benchmarks.md` and `benchmarks/`.
    #[arg(long, default_value = "docs")]
    out: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let mut results = Results::default();
    for file in &cli.files {
        for number in results.read(&fs::read_to_string(file)?) {
            eprintln!("{}:{number}: not a measurement", file.display());
        }
    }
    report::write(&results, &Machine::this(), &cli.date, &cli.out)
}
