//! Checks that documents and examples store the changes of an operation before they use its result.
//!
//! `.ci/public-api` uses rustdoc's JSON to check that functions return an `Unpersisted`. Clippy
//! rejects the functions that return a result without storing its changes
//! ([`clippy.toml`](../../../clippy.toml)), except in tests and measurements.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Checks that documents and examples show how to store changes, and that measurements of a store
/// give a reason if they do not.
#[test]
fn documents_and_examples_store_everything() {
    let mut files = vec![repository().join("README.md")];
    for folder in ["docs", "crates/pando-mls/examples", "crates/pando-store/examples"] {
        let mut folders = vec![repository().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
    }
    assert!(files.len() > 20);
    let libraries = ["pando-mls", "pando-group", "pando-store"];
    files.extend(libraries.map(|name| repository().join(format!("crates/{name}/src/lib.rs"))));
    for file in files.iter().filter(|file| !file.ends_with("cost.rs")) {
        let Ok(text) = fs::read_to_string(file) else { continue };
        for skips in ["assume_persisted(", "into_parts("] {
            assert!(!text.contains(skips), "{} stores no changes: {skips}", file.display());
        }
    }
}
