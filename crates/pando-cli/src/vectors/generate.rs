//! The command `pando vectors generate`. The command writes one file for each kind of test vectors.
//! The negative vectors are written to a folder of their own, with one file for each cipher suite.

use super::VectorsError;
use pando_mls::CipherSuite;
use pando_vectors::Kind;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to write to; it is created if it does not exist
    #[arg(long)]
    out: PathBuf,
    /// Write this kind only
    #[arg(long)]
    kind: Option<Kind>,
    /// Write cases of this cipher suite only, for kinds that have cipher suites
    #[arg(long, value_name = "N")]
    suite: Option<u16>,
    /// The seed; the same seed gives the same files
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), VectorsError> {
    let folder = &arguments.out;
    make_folder(folder)?;
    let kinds = match arguments.kind {
        Some(kind) => vec![kind],
        None => Kind::ALL.to_vec(),
    };
    for kind in kinds {
        if kind == Kind::Negative {
            let folder = folder.join(kind.name());
            make_folder(&folder)?;
            let all = || CipherSuite::ALL.into_iter().map(|suite| suite.0).collect();
            for suite in arguments.suite.map_or_else(all, |suite| vec![suite]) {
                write(kind, Some(suite), arguments.seed, &folder.join(format!("{kind}-{suite}.json")))?;
            }
        } else {
            write(kind, arguments.suite, arguments.seed, &folder.join(format!("{kind}.json")))?;
        }
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), VectorsError> {
    fs::create_dir_all(folder).map_err(|error| VectorsError::Io { path: folder.into(), error })
}

fn write(kind: Kind, suite: Option<u16>, seed: u64, path: &Path) -> Result<(), VectorsError> {
    let text = pando_vectors::generate(kind, suite, seed)?;
    fs::write(path, text).map_err(|error| VectorsError::Io { path: path.into(), error })?;
    writeln!(io::stdout().lock(), "{}", path.display()).map_err(VectorsError::Output)
}
