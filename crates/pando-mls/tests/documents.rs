//! docs/pitfalls.md: where implementations go wrong, and which tests show that this one does not. This checks that the
//! tests that it names exist.

#![allow(clippy::panic, clippy::unwrap_used, reason = "in a test, a panic is a failure and that is all")]

use std::fs;
use std::path::{Path, PathBuf};

/// A test as the document names it: with the name of its file, and a link to that.
#[derive(Debug)]
struct Named {
    stem: String,
    name: String,
    file: PathBuf,
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the tables, without their heads: what is said, and the tests beside it.
fn rows() -> Vec<(String, Vec<Named>)> {
    let text = read(&docs().join("pitfalls.md"));
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows = rows.filter(|(_, shown_by)| *shown_by != "Shown by");
    rows.map(|(pitfall, shown_by)| (pitfall.into(), shown_by.split("<br>").map(named).collect())).collect()
}

/// ``[`file::name`](link)``
fn named(link: &str) -> Named {
    let parts = link.strip_prefix("[`").and_then(|link| link.strip_suffix(')')?.split_once("`]("));
    let (label, target) = parts.unwrap_or_else(|| panic!("not a link: {link}"));
    let (stem, name) = label.split_once("::").unwrap_or_else(|| panic!("not a test: {label}"));
    Named { stem: stem.into(), name: name.into(), file: docs().join(target) }
}

#[test]
fn every_test_against_a_pitfall_exists() {
    for named in rows().into_iter().flat_map(|(_, tests)| tests) {
        assert_eq!(named.file.file_stem().unwrap(), &*named.stem, "{named:?}");
        let text = read(&named.file);
        let lines: Vec<_> = text.lines().collect();
        let definition = format!("fn {}(", named.name);
        let found = lines.iter().position(|line| line.trim_start().starts_with(&definition));
        let found = found.unwrap_or_else(|| panic!("it is not there: {named:?}"));
        let before = lines.get(found.saturating_sub(3)..found).unwrap();
        assert!(before.iter().any(|line| line.trim() == "#[test]"), "not a test: {named:?}");
    }
}

/// So that no line is passed over because it is written in another way.
#[test]
fn the_document_has_what_is_looked_for() {
    let mut pitfalls: Vec<_> = rows().into_iter().map(|(pitfall, _)| pitfall).collect();
    let count = pitfalls.len();
    pitfalls.sort();
    pitfalls.dedup();
    assert_eq!(pitfalls.len(), count, "something is there twice");
    // Lines that begin as those of a table do; less the heads, and the rules below them.
    let text = read(&docs().join("pitfalls.md"));
    let lines = text.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(lines, count + 4);
    assert!(count >= 60, "{count}");
}
