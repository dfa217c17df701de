//! `pando vectors generate`

use super::VectorsError;
use pando_vectors::Kind;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to write to; it is made if it does not exist
    #[arg(long)]
    out: PathBuf,
    /// Write this kind only
    #[arg(long)]
    kind: Option<Kind>,
    /// Write cases of this cipher suite only, where the kind has cipher suites
    #[arg(long, value_name = "N")]
    suite: Option<u16>,
    /// The same seed gives the same files
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), VectorsError> {
    let folder = &arguments.out;
    fs::create_dir_all(folder).map_err(|error| VectorsError::Io { path: folder.clone(), error })?;
    let kinds = match arguments.kind {
        Some(kind) => vec![kind],
        None => Kind::ALL.to_vec(),
    };
    let mut out = io::stdout().lock();
    for kind in kinds {
        let text = pando_vectors::generate(kind, arguments.suite, arguments.seed)?;
        let path = folder.join(format!("{kind}.json"));
        fs::write(&path, text).map_err(|error| VectorsError::Io { path: path.clone(), error })?;
        writeln!(out, "{}", path.display()).map_err(VectorsError::Output)?;
    }
    Ok(())
}
