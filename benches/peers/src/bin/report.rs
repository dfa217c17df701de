//! Creates the report from the lines of JSON that the measuring programs print.

use std::{error::Error, fs, path::PathBuf};

use clap::Parser;
use pando_peers::report::{self, machine::Machine, results::Results};

/// Creates the tables and plots of a set of measurements.
#[derive(Parser)]
struct Cli {
    /// The files with lines of JSON. A line replaces a line for the same measurement in an earlier
    /// file.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The date of the measurements.
    #[arg(long)]
    date: String,
    /// The folder to which `benchmarks.md` and `benchmarks/` are written.
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
