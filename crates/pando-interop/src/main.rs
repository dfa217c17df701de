//! `pando-interop`: see the crate's documentation.
//!
//! Exit codes: 0 if all is well, 2 if the program could not do what it was asked for.

#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand};
use pando_interop::service::serve;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

/// Messaging Layer Security (RFC 9420) among implementations
#[derive(Parser)]
#[command(name = "pando-interop", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the interface of the interoperability harness, until the process is ended
    Serve(Serve),
}

#[derive(Args)]
struct Serve {
    /// The TCP port to listen at
    #[arg(long)]
    port: u16,
    /// The address to listen at
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Serve(Serve { port, host }) => {
            serve(SocketAddr::new(host, port), |address| println!("Pando serves MLSClient at {address}"))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pando-interop: {error}");
            ExitCode::from(2)
        }
    }
}
