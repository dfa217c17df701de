//! docs/pitfalls.md, docs/limits.md and docs/threat-model.md name the tests that prove their
//! claims. These tests check that the named tests exist and that no limit is missing. The tests
//! also check that the program in docs/library.md is compiled.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use pando_mls::{GroupConfig, Limits, RatchetLimits};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A test as a document names it: the stem of its file, the name of its function, and the file that
/// the link leads to.
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

/// Returns the rows of a document's tables without their heads. Each row consists of the claim and
/// the tests that prove it.
fn rows(document: &str) -> Vec<(String, Vec<Named>)> {
    let text = read(&docs().join(document));
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    let rows = rows.filter(|(_, shown_by)| *shown_by != "Shown by");
    rows.map(|(what, shown_by)| (what.into(), shown_by.split("<br>").map(named).collect())).collect()
}

/// ``[`file::name`](link)``
fn named(link: &str) -> Named {
    let parts = link.strip_prefix("[`").and_then(|link| link.strip_suffix(')')?.split_once("`]("));
    let (label, target) = parts.unwrap_or_else(|| panic!("not a link: {link}"));
    let (stem, name) = label.split_once("::").unwrap_or_else(|| panic!("not a test: {label}"));
    Named { stem: stem.into(), name: name.into(), file: docs().join(target) }
}

#[test]
fn every_test_that_is_named_exists() {
    for document in ["pitfalls.md", "limits.md", "threat-model.md"] {
        for named in rows(document).into_iter().flat_map(|(_, tests)| tests) {
            assert_eq!(named.file.file_stem().unwrap(), &*named.stem, "{named:?}");
            let text = read(&named.file);
            let lines: Vec<_> = text.lines().collect();
            let definition = format!("fn {}(", named.name);
            let found = lines.iter().position(|line| line.trim_start().starts_with(&definition));
            let found = found.unwrap_or_else(|| panic!("no such test: {named:?}"));
            let before = lines.get(found.saturating_sub(3)..found).unwrap();
            assert!(before.iter().any(|line| line.trim() == "#[test]"), "not a test: {named:?}");
        }
    }
}

/// Checks that no row is skipped because of its format.
#[test]
fn the_documents_have_what_is_looked_for() {
    for (document, tables, least) in
        [("pitfalls.md", 2, 60), ("limits.md", 3, 25), ("threat-model.md", 1, 15)]
    {
        let mut said: Vec<_> = rows(document).into_iter().map(|(what, _)| what).collect();
        let count = said.len();
        said.sort();
        said.dedup();
        assert_eq!(said.len(), count, "a claim is there twice");
        // Count the lines of the tables, including the head and the separator line of each table.
        let text = read(&docs().join(document));
        let lines = text.lines().filter(|line| line.starts_with('|')).count();
        assert_eq!(lines, count + 2 * tables, "{document}");
        assert!(count >= least, "{count}");
    }
}

/// Checks that each setting that limits something has a row with its default value. A new field
/// makes this test fail until the field has a row.
#[test]
fn every_limit_is_in_the_document() {
    let config = GroupConfig::default();
    let GroupConfig { past_epochs, past_resumption_psks, ratchet_limits, limits, .. } = config;
    let RatchetLimits { forward, backward, .. } = ratchet_limits;
    let Limits {
        message_bytes,
        tree_bytes,
        leaves,
        group_id_bytes,
        pending_proposals,
        pending_proposal_bytes,
        new_member_proposals,
        proposals_not_admitted,
        opened_commit_bytes,
        ..
    } = limits;
    let mebibytes = |bytes: usize| format!("{} MiB", bytes >> 20);
    let settings = [
        ("Limits::message_bytes", mebibytes(message_bytes)),
        ("Limits::tree_bytes", mebibytes(tree_bytes)),
        ("Limits::leaves", grouped(leaves as usize)),
        ("Limits::group_id_bytes", grouped(group_id_bytes)),
        ("Limits::pending_proposals", grouped(pending_proposals)),
        ("Limits::pending_proposal_bytes", mebibytes(pending_proposal_bytes)),
        ("Limits::new_member_proposals", grouped(new_member_proposals)),
        ("Limits::proposals_not_admitted", grouped(proposals_not_admitted)),
        ("Limits::opened_commit_bytes", mebibytes(opened_commit_bytes)),
        ("RatchetLimits::forward", grouped(forward as usize)),
        ("RatchetLimits::backward", grouped(backward as usize)),
        ("GroupConfig::past_epochs", grouped(past_epochs)),
        ("GroupConfig::past_resumption_psks", grouped(past_resumption_psks)),
    ];
    // The names of all fields are taken from the debug output.
    let printed = format!("{config:?}");
    let fields: BTreeSet<_> = printed
        .split([' ', '{', '}', ','])
        .filter_map(|word| word.strip_suffix(':'))
        .filter(|field| {
            let has_bounds = !["encrypt_handshakes", "padding", "accepted_handshakes"].contains(field);
            has_bounds && !["ratchet_limits", "limits"].contains(field)
        })
        .collect();
    let known = settings.iter().filter_map(|(name, _)| Some(name.split_once("::")?.1)).collect();
    assert_eq!(fields, known);
    let rows = rows("limits.md");
    let lines: Vec<_> = rows.iter().filter(|(line, _)| line.starts_with('`')).collect();
    assert_eq!(lines.len(), settings.len());
    for ((name, default), (line, tests)) in settings.into_iter().zip(lines) {
        assert!(line.starts_with(&format!("`{name}` | {default} | ")), "{name}: {line}");
        assert!(!tests.is_empty());
    }
}

/// Checks that the program in docs/library.md is part of the compiled example in the crate's
/// documentation.
#[test]
fn the_program_in_the_document_is_compiled() {
    let document = read(&docs().join("library.md"));
    let (_, program) = document.split_once("```rust\n").unwrap();
    let (program, _) = program.split_once("```").unwrap();
    let documentation: Vec<_> = include_str!("../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let lines: Vec<_> = program.lines().collect();
    assert!(lines.len() > 5);
    let is_there = documentation.windows(lines.len()).any(|window| window == lines);
    assert!(is_there, "docs/library.md is out of date");
}

/// Formats a number with commas between thousands.
fn grouped(number: usize) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", grouped(number / 1_000), number % 1_000)
    }
}
