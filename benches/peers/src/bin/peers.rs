//! Measures OpenMLS or mls-rs, and prints one line of JSON for each measurement.

use clap::Parser;
use pando_peers::measure::cli::Cli;

fn main() -> std::io::Result<()> {
    Cli::parse().run(None)
}
