//! Search for the files to verify.

use super::VectorsError;
use pando_vectors::Kind;
use std::fs;
use std::io;
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
///
/// In place of a path that does not exist, a folder that cannot be read, or a file of unknown kind,
/// the result contains an error. The other files can still be verified.
pub(crate) fn find(paths: &[PathBuf], kind: Option<Kind>) -> Vec<Result<VectorFile, VectorsError>> {
    let mut files = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Err(error) => files.push(Err(VectorsError::Io { path: path.clone(), error })),
            Ok(metadata) if metadata.is_dir() => {
                let (mut found, mut unreadable) = (Vec::new(), Vec::new());
                search(path, &mut found, &mut unreadable);
                found.sort();
                files.extend(unreadable.into_iter().map(Err));
                files.extend(found.into_iter().filter_map(|path| in_folder(path, kind)));
            }
            Ok(_) => files.push(file(path.clone(), kind.or(kind_of(path)))),
        }
    }
    files
}

/// Returns a file that was found in a folder, unless its name shows another kind than the given
/// one.
fn in_folder(path: PathBuf, kind: Option<Kind>) -> Option<Result<VectorFile, VectorsError>> {
    match (kind, kind_of(&path)) {
        (Some(kind), Some(by_name)) if kind != by_name => None,
        (kind, by_name) => Some(file(path, kind.or(by_name))),
    }
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

/// Adds the `.json` files in a folder, and the folders in it that cannot be read.
fn search(folder: &Path, files: &mut Vec<PathBuf>, unreadable: &mut Vec<VectorsError>) {
    if let Err(error) = list(folder, files, unreadable) {
        unreadable.push(VectorsError::Io { path: folder.into(), error });
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>, unreadable: &mut Vec<VectorsError>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // Links to folders are not followed, because they may form a cycle.
        if entry.file_type()?.is_dir() {
            search(&path, files, unreadable);
        } else if path.extension().is_some_and(|extension| extension == "json") && is_listed(&path) {
            files.push(path);
        }
    }
    Ok(())
}
