//! `pando vectors`: the interoperability test vectors.

mod files;
mod generate;
mod verify;

use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check that every case in the files holds
    Verify(verify::Arguments),
    /// Write files of the official formats, and of what must be refused
    Generate(generate::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, VectorsError> {
    match command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Generate(arguments) => generate::run(arguments).map(|()| ExitCode::SUCCESS),
    }
}

/// Why nothing could be verified or generated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VectorsError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{path}: the name tells no kind of test vectors; give it by --kind")]
    UnknownKind { path: PathBuf },
    #[error("{path}: {error}")]
    Input { path: PathBuf, error: pando_vectors::InputError },
    #[error(transparent)]
    Generate(#[from] pando_vectors::GenerateError),
    #[error("output: {0}")]
    Output(std::io::Error),
}
