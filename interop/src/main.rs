//! Simulates groups whose members use different implementations, and creates tables of their
//! operations.

use clap::{Args, Parser, Subcommand, ValueEnum};
use pando_mixed::run::Run;
use pando_mixed::{library, table};
use std::error::Error;
use std::process::ExitCode;

/// Simulate groups with members of Pando, OpenMLS and mls-rs
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Execute all runs of the tests, and print the tables
    Table {
        /// Write the tables to docs/interop.md instead of printing them
        #[arg(long)]
        write: bool,
    },
}

/// The options of a single run.
#[derive(Args)]
struct RunArgs {
    /// Seed of the script
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Implementations of the members: pando, pando-awslc, openmls, mls-rs, mls-rs-awslc
    #[arg(long, value_delimiter = ',', default_value = "pando,openmls,mls-rs")]
    libraries: Vec<String>,
    /// Number of the cipher suite
    #[arg(long, default_value_t = 1)]
    suite: u16,
    /// Whether handshake messages are encrypted
    #[arg(long, value_enum, default_value = "private")]
    handshakes: Handshakes,
    /// Minimum number of epochs
    #[arg(long, default_value_t = 100)]
    epochs: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Handshakes {
    Public,
    Private,
}

fn main() -> ExitCode {
    let Cli { command, run } = Cli::parse();
    let done = match command {
        Some(Command::Table { write }) => make_table(write),
        None => make_run(run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn make_run(args: RunArgs) -> Result<(), Box<dyn Error>> {
    let RunArgs { seed, libraries, suite, handshakes, epochs } = args;
    for name in &libraries {
        library::named(name).ok_or_else(|| format!("unknown implementation {name}"))?;
    }
    let run = Run { seed, libraries, suite, encrypt: handshakes == Handshakes::Private, epochs };
    let counts = run.run().map_err(|divergence| divergence.to_string())?;
    for (key, count) in &counts.operations {
        println!("{:45} {:>12} -> {:12} {count:8}", key.operation.to_string(), key.maker, key.receiver);
    }
    println!("{} epochs, {} messages processed, no divergence", counts.epochs, counts.messages);
    Ok(())
}

fn make_table(write: bool) -> Result<(), Box<dyn Error>> {
    let counted = table::count().map_err(|divergence| divergence.to_string())?;
    let tables = table::tables(&counted);
    if !write {
        println!("\n{tables}");
        return Ok(());
    }
    let path = table::document();
    let document = std::fs::read_to_string(&path)?;
    let document = table::replace(&document, &tables).ok_or("docs/interop.md has no marks")?;
    Ok(std::fs::write(&path, document)?)
}
