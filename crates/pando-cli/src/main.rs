//! The command-line program `pando`.
//!
//! The exit code is 0 for success, 1 if a check failed or there was nothing to check, and 2 if an
//! argument or an input is unusable.

mod demo;
mod serve;
mod store;
mod vectors;

use clap::{Parser, Subcommand};
use std::fmt::Display;
use std::process::ExitCode;

/// Messaging Layer Security (RFC 9420)
#[derive(Parser)]
#[command(name = "pando", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate a group in this process
    Demo(demo::Arguments),
    /// Serve groups to clients: the delivery service
    Serve(serve::Arguments),
    /// Inspect and maintain a client's store
    #[command(subcommand)]
    Store(store::Command),
    /// Verify and generate the interoperability test vectors
    #[command(subcommand)]
    Vectors(vectors::Command),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Demo(arguments) => demo::run(&arguments).map_err(|error| error.to_string()),
        Command::Serve(arguments) => serve::run(&arguments).map_err(|error| error.to_string()),
        Command::Store(command) => store::run(&command).map_err(|error| error.to_string()),
        Command::Vectors(command) => vectors::run(&command).map_err(|error| error.to_string()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

/// Prints an error to standard error.
fn complain(error: &impl Display) {
    eprintln!("pando: {error}");
}
