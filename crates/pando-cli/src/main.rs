//! `pando`: the program of Pando.
//!
//! Exit codes: 0 if all is well, 1 if something that was checked does not hold, 2 if the program was not
//! given what it needs.

mod demo;
mod store;
mod vectors;

use clap::{Parser, Subcommand};
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
    /// A group lives in front of your eyes
    Demo(demo::Arguments),
    /// A client's store
    #[command(subcommand)]
    Store(store::Command),
    /// The interoperability test vectors
    #[command(subcommand)]
    Vectors(vectors::Command),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Demo(arguments) => demo::run(&arguments).map_err(|error| error.to_string()),
        Command::Store(command) => store::run(&command).map_err(|error| error.to_string()),
        Command::Vectors(command) => vectors::run(&command).map_err(|error| error.to_string()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pando: {error}");
            ExitCode::from(2)
        }
    }
}
