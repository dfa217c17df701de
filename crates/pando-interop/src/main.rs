//! The program `pando-interop`; see the crate's documentation.
//!
//! The exit code is 0 on success, 1 if a script failed, and 2 if the program could not do its task.

#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand};
use pando_interop::run;
use pando_interop::service::serve;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

/// Interoperability tests of Messaging Layer Security (RFC 9420)
#[derive(Parser)]
#[command(name = "pando-interop", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the interface of the interoperability harness until the process ends
    Serve(Serve),
    /// Run scripts of the interoperability harness against clients, which are gRPC servers
    Run(run::Arguments),
    /// Generate scripts
    #[command(subcommand)]
    Scripts(Scripts),
}

#[derive(Subcommand)]
enum Scripts {
    /// Write a long random history of a group, as a script, to standard output
    Random(run::random::Arguments),
}

#[derive(Args)]
struct Serve {
    /// The TCP port to listen on
    #[arg(long)]
    port: u16,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Serve(Serve { port, host }) => {
            serve(SocketAddr::new(host, port), |address| println!("Pando serves MLSClient at {address}"))
                .map(|()| ExitCode::SUCCESS)
                .map_err(|error| error.to_string())
        }
        Command::Run(arguments) => {
            run::execute(&arguments).map(|well| if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Scripts(Scripts::Random(arguments)) => {
            print!("{}", run::random::script(&arguments));
            Ok(ExitCode::SUCCESS)
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pando-interop: {error}");
            ExitCode::from(2)
        }
    }
}
