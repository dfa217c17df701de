//! docs/pitfalls.md, docs/limits.md and docs/threat-model.md name the tests that prove their
//! claims. docs/requirements.md and docs/rfc9750.md name tests as well, and the parts that no test
//! shows yet. These tests check that the named tests exist, and that no limit, requirement or
//! recommendation is missing. The tests also check that the program in docs/library.md is compiled.

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

/// The documents in which every claim is proven.
const PROVEN: [&str; 3] = ["pitfalls.md", "limits.md", "threat-model.md"];

/// The documents in which parts of claims, or whole claims, are not shown yet.
const IN_PROGRESS: [&str; 2] = ["requirements.md", "rfc9750.md"];

/// The number of rows in docs/requirements.md.
const REQUIREMENTS: usize = 29;

/// The sections of RFC 9750 with recommendations, and the number of rows for each section in
/// docs/rfc9750.md.
const RECOMMENDATIONS: [(&str, usize); 32] = [
    ("4", 4),
    ("5.1", 7),
    ("5.2", 2),
    ("5.2.3", 2),
    ("5.3", 3),
    ("6.2", 2),
    ("6.4", 2),
    ("6.5", 3),
    ("6.6", 2),
    ("6.7", 1),
    ("6.9", 1),
    ("6.10", 1),
    ("6.11", 1),
    ("7", 7),
    ("8.1", 1),
    ("8.1.1", 1),
    ("8.1.2", 1),
    ("8.1.3", 2),
    ("8.1.4", 2),
    ("8.2.2", 1),
    ("8.2.3", 1),
    ("8.3.3", 2),
    ("8.3.4", 3),
    ("8.4.1.1", 1),
    ("8.4.1.2", 2),
    ("8.4.2", 2),
    ("8.4.2.1", 2),
    ("8.4.3", 1),
    ("8.4.3.1", 5),
    ("8.4.3.2", 2),
    ("8.5", 1),
    ("8.6", 1),
];

/// A row of a table. It consists of a claim and the tests that prove the claim.
struct Row {
    claim: String,
    tests: Vec<Named>,
    /// The part of the claim that no test shows. The text may be empty.
    gap: Option<String>,
}

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

/// Returns the rows of a document's tables without their heads.
fn rows(document: &str) -> Vec<Row> {
    let text = read(&docs().join(document));
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    let rows = rows.filter(|(_, shown_by)| *shown_by != "Shown by");
    rows.map(|(claim, shown_by)| row(claim, shown_by)).collect()
}

/// Reads the tests of a row. The last of them may be followed by "not yet" or "not yet: TEXT".
fn row(claim: &str, shown_by: &str) -> Row {
    let mut items: Vec<_> = shown_by.split("<br>").collect();
    let gap = items.last().and_then(|last| last.strip_prefix("not yet"));
    if let Some(text) = gap {
        assert!(text.is_empty() || text.starts_with(": "), "{claim}: not yet{text}");
        items.pop();
    }
    Row { claim: claim.into(), tests: items.into_iter().map(named).collect(), gap: gap.map(str::to_owned) }
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
    for document in PROVEN.into_iter().chain(IN_PROGRESS) {
        for named in rows(document).into_iter().flat_map(|row| row.tests) {
            assert_eq!(named.file.file_stem().unwrap(), &*named.stem, "{named:?}");
            let text = read(&named.file);
            assert!(is_test(&text, &named.name), "not a test: {named:?}");
        }
    }
}

/// Returns whether a file defines a test with this name: a function with the attribute of a test,
/// or a function of the macro that defines tests.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<_> = text.lines().collect();
    let definition = format!("fn {name}(");
    let defines = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix("async ").unwrap_or(line).starts_with(&definition)
    };
    let Some(found) = lines.iter().position(|line| defines(line)) else { return false };
    let before = lines.get(found.saturating_sub(3)..found).unwrap();
    let is_attribute = |line: &str| line == "#[test]" || line.starts_with("#[tokio::test");
    before.iter().any(|line| is_attribute(line.trim())) || tests_of_macro(text).contains(&name)
}

/// Returns the names of the functions directly inside the macro `on_one_and_eight_files!`, which
/// gives each of them the attribute of a test.
///
/// The invocation of the macro and the functions in it begin and end at the left margin. Any other
/// code between the functions ends the search, because the macro accepts only functions.
fn tests_of_macro(text: &str) -> Vec<&str> {
    let mut tests = Vec::new();
    let mut lines = text.lines().skip_while(|line| *line != "on_one_and_eight_files! {").skip(1);
    while let Some(line) = lines.next() {
        let signature = line.strip_prefix("async fn ").and_then(|line| line.strip_suffix("(files: u16) {"));
        if let Some(name) = signature {
            tests.push(name);
            // Skip the body of the function.
            lines.by_ref().take_while(|line| *line != "}").for_each(drop);
        } else if !line.is_empty() && !line.starts_with("///") {
            break;
        }
    }
    tests
}

/// Checks that only functions directly inside the macro count as tests.
#[test]
fn functions_of_the_macro_are_tests() {
    let text = "\
async fn before(files: u16) {
}

on_one_and_eight_files! {
/// A test.
async fn first(files: u16) {
    async fn nested(files: u16) {
    }
    let helper = async || {};
async fn unindented(files: u16) {
    let text = \"{\";
}

async fn second(files: u16) {
}
}

async fn after(files: u16) {
}

#[tokio::test]
async fn attribute() {
}
";
    assert_eq!(tests_of_macro(text), ["first", "second"]);
    for (name, expected) in [
        ("first", true),
        ("second", true),
        ("attribute", true),
        ("before", false),
        ("nested", false),
        ("unindented", false),
        ("after", false),
        ("missing", false),
        ("fir", false),
    ] {
        assert_eq!(is_test(text, name), expected, "{name}");
    }
    // Functions of another macro, or of none, are no tests.
    assert!(tests_of_macro(&text.replace("on_one_and_eight_files!", "other!")).is_empty());
    assert!(tests_of_macro("async fn first(files: u16) {\n}\n").is_empty());
}

/// Checks that no row is skipped because of its format.
#[test]
fn the_documents_have_what_is_looked_for() {
    for (document, tables, least) in [
        ("pitfalls.md", 2, 60),
        ("limits.md", 3, 25),
        ("threat-model.md", 1, 15),
        ("requirements.md", 1, REQUIREMENTS),
        ("rfc9750.md", 1, RECOMMENDATIONS.len()),
    ] {
        let mut said: Vec<_> = rows(document).into_iter().map(|row| row.claim).collect();
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

#[test]
fn only_documents_in_progress_have_gaps() {
    for row in PROVEN.into_iter().flat_map(rows) {
        assert_eq!(row.gap, None, "{}", row.claim);
    }
}

/// Checks that the rows of docs/requirements.md are numbered without a gap.
#[test]
fn every_requirement_is_in_the_document() {
    let rows = rows("requirements.md");
    let numbers: Vec<_> = rows.iter().map(|row| first_cell(row).parse::<usize>().unwrap()).collect();
    assert_eq!(numbers, (1..=REQUIREMENTS).collect::<Vec<_>>());
}

/// Checks that docs/rfc9750.md has the rows of each section, in the order of the sections.
#[test]
fn every_recommendation_is_in_the_document() {
    let rows = rows("rfc9750.md");
    let sections: Vec<_> = rows.chunk_by(|row, next| first_cell(row) == first_cell(next)).collect();
    let sections: Vec<_> =
        sections.iter().map(|rows| (first_cell(rows.first().unwrap()), rows.len())).collect();
    assert_eq!(sections, RECOMMENDATIONS);
}

fn first_cell(row: &Row) -> &str {
    row.claim.split(" | ").next().unwrap()
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
    let lines: Vec<_> = rows.iter().filter(|row| row.claim.starts_with('`')).collect();
    assert_eq!(lines.len(), settings.len());
    for ((name, default), row) in settings.into_iter().zip(lines) {
        assert!(row.claim.starts_with(&format!("`{name}` | {default} | ")), "{name}: {}", row.claim);
        assert!(!row.tests.is_empty());
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
