//! The files of the repository, and a classification of the lines of a document.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the root folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns all files with a given extension. Build results and other untracked folders are left
/// out.
pub(crate) fn files(extension: &str) -> Vec<PathBuf> {
    let mut unvisited = vec![root()];
    let mut files = Vec::new();
    while let Some(path) = unvisited.pop() {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if ![".git", "artifacts", "corpus", "coverage", "target"].iter().any(|skipped| name == *skipped) {
                unvisited.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        } else if path.extension().is_some_and(|end| end == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns a path relative to the repository, with the same separators on all systems.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .iter()
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// A recogniser for the lines of code blocks, including their fences.
#[derive(Default)]
pub(crate) struct Fences {
    inside: bool,
}

impl Fences {
    /// Returns whether the next line belongs to a code block.
    pub(crate) fn is_code(&mut self, line: &str) -> bool {
        let is_fence = line.trim_start().starts_with("```");
        self.inside ^= is_fence;
        self.inside || is_fence
    }
}
