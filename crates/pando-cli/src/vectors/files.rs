//! Search for the files to verify.

use super::VectorsError;
use pando_vectors::Kind;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of test vectors.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VectorFile {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
}

/// Returns the files in `paths`, and the `.json` files in the folders in `paths`, sorted by name.
/// Folders are searched recursively. If a kind is given, files in folders whose name indicates
/// another kind are left out.
pub(crate) fn find(paths: &[PathBuf], kind: Option<Kind>) -> Result<Vec<VectorFile>, VectorsError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            for path in json_files(path)? {
                let by_name = kind_of(&path);
                match (kind, by_name) {
                    (Some(kind), Some(by_name)) if kind != by_name => {}
                    _ => files.push(file(path, kind.or(by_name))?),
                }
            }
        } else {
            let by_name = kind_of(path);
            files.push(file(path.clone(), kind.or(by_name))?);
        }
    }
    Ok(files)
}

fn file(path: PathBuf, kind: Option<Kind>) -> Result<VectorFile, VectorsError> {
    match kind {
        Some(kind) => Ok(VectorFile { path, kind }),
        None => Err(VectorsError::UnknownKind { path }),
    }
}

fn kind_of(path: &Path) -> Option<Kind> {
    Kind::of_file(path.file_stem()?.to_str()?)
}

/// Returns whether to list a path. A broken link is also listed, so that reading it causes an
/// error.
fn is_listed(path: &Path) -> bool {
    path.is_file() || !path.exists()
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, VectorsError> {
    let io = |error| VectorsError::Io { path: folder.into(), error };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = entry.path();
        // Links to folders are not followed, because they may form a cycle.
        if entry.file_type().map_err(io)?.is_dir() {
            files.extend(json_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") && is_listed(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
