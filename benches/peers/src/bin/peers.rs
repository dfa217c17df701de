//! Measures OpenMLS or mls-rs: one line of JSON for each measurement.

use clap::Parser;
use pando_peers::measure::cli::Cli;

fn main() -> std::io::Result<()> {
    Cli::parse().run(None)
}
