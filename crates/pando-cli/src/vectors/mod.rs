//! The commands `pando vectors`, which verify and generate interoperability test vectors.

mod files;
mod generate;
mod verify;

use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Verify all cases in the files
    Verify(verify::Arguments),
    /// Write files in the official formats, and the negative vectors
    Generate(generate::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, VectorsError> {
    match command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Generate(arguments) => generate::run(arguments).map(|()| ExitCode::SUCCESS),
    }
}

/// An error of the command `pando vectors`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VectorsError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: std::io::Error },
    #[error(
        "{path}: the file name does not begin with a kind of test vectors, as in welcome-2.json; rename the file, or verify it alone with --kind"
    )]
    UnknownKind { path: PathBuf },
    #[error("{path}: {error}")]
    Input { path: PathBuf, error: pando_vectors::InputError },
    #[error(
        "--crypto aws-lc: this program was built without the feature aws-lc; build it with `cargo build --release -p pando-cli --features aws-lc`"
    )]
    #[cfg(not(feature = "aws-lc"))]
    WithoutAwsLc,
    #[error(transparent)]
    Generate(#[from] pando_vectors::GenerateError),
    #[error("output: {0}")]
    Output(std::io::Error),
}
