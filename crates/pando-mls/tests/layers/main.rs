//! Checks that the files of a crate do not import each other in circles.
//!
//! A file imports another file if one of its paths leads to an item of that file. The paths of
//! `use` declarations, types, expressions, patterns, bounds, attributes and macro tokens are
//! followed to the definition, through modules, imports and re-exports. A path ends at a type:
//! associated items and method calls are not resolved. Two things do not count as imports:
//!
//! - A re-export of a descendant's item by a parent module, unless the parent uses the item.
//! - Code under `#[cfg(test)]`, because tests of a lower layer may use a higher layer.
//!
//! To print the circles of all crates, run `cargo test -p pando-mls --test layers -- --nocapture
//! crates_`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod cases;
mod graph;
mod names;

use graph::Graph;
use names::Sources;
use std::fs;
use std::path::{Path, PathBuf};

/// Crates without import circles, with lower bounds for the numbers of their files and imports.
const LAYERED: [(&str, usize, usize); 15] = [
    ("pando-api", 30, 50),
    ("pando-client", 40, 100),
    ("pando-delivery", 25, 60),
    ("pando-disk-faults", 1, 0),
    ("pando-framing", 6, 9),
    ("pando-freed-blocks", 1, 0),
    ("pando-group", 35, 150),
    ("pando-guide", 1, 0),
    ("pando-issuer", 5, 5),
    ("pando-mls", 1, 0),
    ("pando-one-resolution", 1, 0),
    ("pando-public-api", 6, 10),
    ("pando-simulation", 12, 20),
    ("pando-tree", 18, 50),
    ("pando-x509", 7, 9),
];

/// Crates that still contain circles.
const CIRCULAR: [&str; 7] = [
    "pando-cli",
    "pando-crypto",
    "pando-interop",
    "pando-schedule",
    "pando-store",
    "pando-vectors",
    "pando-wire",
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read_sources(folder: &Path, prefix: &str, sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read_sources(&path, &format!("{name}/"), sources);
        } else if name.ends_with(".rs") {
            sources.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// Returns the graphs of a package: one for its library and one for its program.
fn graphs(package: &str) -> Vec<Graph> {
    let mut sources = Sources::new();
    read_sources(&crates().join(package).join("src"), "", &mut sources);
    let roots = ["lib.rs", "main.rs"].into_iter().filter(|root| sources.contains_key(*root));
    roots.map(|root| Graph::of(&sources, root)).collect()
}

/// Prints the reports about the circles of a package, and returns them.
fn circles(package: &str) -> Vec<String> {
    let circles = graphs(package).into_iter().flat_map(|graph| graph.circles());
    let circles: Vec<_> = circles.map(|circle| format!("{package}: {circle}")).collect();
    circles.iter().for_each(|circle| println!("{circle}"));
    circles
}

#[test]
fn crates_have_no_circles() {
    let circles: Vec<_> = LAYERED.iter().flat_map(|(package, ..)| circles(package)).collect();
    assert!(circles.is_empty(), "{} import circles; they are printed above", circles.len());
}

/// Checks that all crates with circles are known. A crate without circles must move to `LAYERED`,
/// so that no new circle can be added.
#[test]
fn crates_with_circles_are_known() {
    for package in CIRCULAR {
        assert!(!circles(package).is_empty(), "{package} has no circles: it belongs to LAYERED");
    }
    let mut known: Vec<_> = LAYERED.iter().map(|(package, ..)| *package).chain(CIRCULAR).collect();
    known.sort_unstable();
    let mut found: Vec<_> = fs::read_dir(crates())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(known, found);
}

#[test]
fn crates_have_no_unresolved_paths() {
    for package in LAYERED.iter().map(|(package, ..)| *package).chain(CIRCULAR) {
        for graph in graphs(package) {
            assert!(graph.missing.is_empty(), "{package}: {:#?}", graph.missing);
        }
    }
}

/// Guards against a vacuous check: if no files were read or no paths were resolved, no circles
/// would be found either.
#[test]
fn crates_are_read_whole() {
    for (package, least_files, least_imports) in LAYERED {
        let graphs = graphs(package);
        let files: usize = graphs.iter().map(|graph| graph.files.len()).sum();
        let imports: usize = graphs.iter().map(Graph::number_of_imports).sum();
        println!("{package}: {files} files, {imports} imports between them");
        assert!(files >= least_files, "{package}: {files} files, fewer than {least_files}");
        assert!(imports >= least_imports, "{package}: {imports} imports, fewer than {least_imports}");
    }
}
