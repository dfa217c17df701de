//! docs/conformance.md lists the rules of RFC 9420, the functions that implement them, and the
//! tests that prove it. docs/conformance.md is generated from the files in docs/conformance/, whose
//! format their README describes. These tests check that all named functions and tests exist. The
//! tests also check that every rule that a peer can break is listed, and that some test breaks it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

use pando_mls::Violation;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Must,
    Should,
    Left,
    Not,
    Odd,
}

/// A function, given by its file and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// The path of the file, relative to crates/.
    file: String,
    name: String,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    section: String,
    text: String,
    by: Vec<Place>,
    rules: Vec<String>,
    tests: Vec<Place>,
}

#[derive(Debug)]
struct Chapter {
    title: String,
    entries: Vec<Entry>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn data() -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = Vec::new();
    let files = fs::read_dir(root().join("docs/conformance")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    files.sort();
    for line in files.iter().map(|path| read(path)).collect::<String>().lines() {
        if let Some(title) = line.strip_prefix("= ") {
            chapters.push(Chapter { title: title.into(), entries: Vec::new() });
            continue;
        }
        let entries = &mut chapters.last_mut().unwrap().entries;
        if let Some(more) = line.strip_prefix("    ") {
            let text = &mut entries.last_mut().unwrap().text;
            text.push(' ');
            text.push_str(more);
        } else if let Some(detail) = line.strip_prefix("  ") {
            let (word, value) = detail.split_once(' ').unwrap();
            let entry = entries.last_mut().unwrap();
            match word {
                "by" => entry.by.push(place(value)),
                "rule" => entry.rules.push(value.into()),
                "test" => entry.tests.push(place(value)),
                _ => panic!("not a detail: {line}"),
            }
        } else {
            entries.push(entry(line));
        }
    }
    chapters
}

fn entry(line: &str) -> Entry {
    let mut words = line.splitn(3, ' ');
    let kind = match words.next() {
        Some("MUST") => Kind::Must,
        Some("SHOULD") => Kind::Should,
        Some("LEFT") => Kind::Left,
        Some("NOT") => Kind::Not,
        Some("ODD") => Kind::Odd,
        _ => panic!("not an entry: {line}"),
    };
    let (section, text) = (words.next().unwrap().into(), words.next().unwrap().into());
    Entry { kind, section, text, by: Vec::new(), rules: Vec::new(), tests: Vec::new() }
}

fn place(value: &str) -> Place {
    let (file, name) = value.split_once("::").unwrap();
    Place { file: file.into(), name: name.into() }
}

fn entries(chapters: &[Chapter]) -> impl Iterator<Item = &Entry> {
    chapters.iter().flat_map(|chapter| &chapter.entries)
}

/// Returns the position of the line where a function begins.
fn find(lines: &[&str], name: &str) -> Option<usize> {
    let (plain, generic) = (format!("fn {name}("), format!("fn {name}<"));
    lines.iter().position(|line| line.contains(&plain) || line.contains(&generic))
}

fn source(place: &Place) -> String {
    read(&root().join("crates").join(&place.file))
}

/// Returns whether a line of code names a variant of `Violation`. Comments are ignored.
fn names(line: &str, rule: &str) -> bool {
    let whole = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
    let path = format!("Violation::{rule}");
    !line.trim_start().starts_with("//") && line.split(&path).skip(1).any(whole)
}

#[test]
fn every_function_that_is_named_exists() {
    for entry in entries(&data()) {
        for place in &entry.by {
            let text = source(place);
            let found = find(&text.lines().collect::<Vec<_>>(), &place.name);
            assert!(found.is_some(), "{} {place:?}", entry.section);
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    for entry in entries(&data()) {
        for place in &entry.tests {
            let text = source(place);
            let lines: Vec<_> = text.lines().collect();
            let found = find(&lines, &place.name).unwrap_or_else(|| panic!("{} {place:?}", entry.section));
            let before = lines.get(found.saturating_sub(3)..found).unwrap();
            assert!(before.iter().any(|line| line.trim() == "#[test]"), "no test: {place:?}");
        }
    }
}

#[test]
fn every_entry_says_what_it_must() {
    for Entry { kind, section, by, rules, tests, .. } in entries(&data()) {
        let is_kept = matches!(kind, Kind::Must | Kind::Should);
        assert_eq!(is_kept, !by.is_empty(), "{section}: functions are missing, or not allowed");
        assert_eq!(is_kept, !tests.is_empty(), "{section}: tests are missing, or not allowed");
        assert!(is_kept || rules.is_empty(), "{section}: a violation of a rule that is not kept");
        assert!(section.split('.').all(|part| part.parse::<u8>().is_ok()), "not a section: {section}");
    }
}

/// The folders with tests that break the rules of the RFC and the rules of an application.
const FOLDERS: [&str; 2] = ["tests/rules", "tests/policies"];

/// Checks that each rule is listed under the section that its error names, and that the list
/// contains a test that breaks the rule.
#[test]
fn every_rule_is_listed_once_where_it_belongs() {
    let chapters = data();
    let mut listed: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in entries(&chapters) {
        for rule in &entry.rules {
            assert!(listed.insert(rule, entry).is_none(), "{rule} is listed twice");
        }
    }
    for (rule, section) in Violation::ALL {
        let entry = listed.remove(rule).unwrap_or_else(|| panic!("{rule} is not listed"));
        assert_eq!(entry.section, *section, "{rule}");
        let broken = |place: &Place| {
            FOLDERS.iter().any(|folder| place.file.starts_with(&format!("pando-mls/{folder}/")))
                && source(place).lines().any(|line| names(line, rule))
        };
        assert!(entry.tests.iter().any(broken), "{rule} is not in any of the listed tests");
    }
    assert!(listed.is_empty(), "not a rule: {:?}", listed.keys());
}

/// Checks that some test breaks each rule. A rule that no test breaks might as well not be
/// implemented.
#[test]
fn every_rule_is_broken_by_somebody() {
    let folders = FOLDERS.map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let text: String = files.map(|file| read(&file.unwrap().path())).collect();
    for (rule, _) in Violation::ALL {
        assert!(text.lines().any(|line| names(line, rule)), "no test breaks {rule}");
    }
}

fn links(places: &[Place]) -> String {
    let link = |Place { file, name }: &Place| {
        // A link shows the stem of the file, or the name of the folder if the file is a `mod.rs`.
        let path = Path::new(file.strip_suffix("/mod.rs").unwrap_or(file));
        let stem = path.file_stem().unwrap().to_str().unwrap();
        format!("[`{stem}::{name}`](../crates/{file})")
    };
    places.iter().map(link).collect::<Vec<_>>().join("<br>")
}

fn list(out: &mut String, heading: &str, chapters: &[Chapter], kind: Kind) {
    writeln!(out, "\n## {heading}\n").unwrap();
    for entry in entries(chapters).filter(|entry| entry.kind == kind) {
        writeln!(out, "- **{}** {}", entry.section, entry.text).unwrap();
    }
}

fn document(chapters: &[Chapter]) -> String {
    let count = |kind| entries(chapters).filter(|entry| entry.kind == kind).count();
    let mut out = format!(
        "# Conformance to RFC 9420\n\n\
         This document lists the requirements of the RFC for an implementation, in our own words, by section: \
         {} rules and {} recommendations that Pando follows. Each row names the functions that implement it, the \
         variant of `Violation` if a peer can break the rule, and the tests that show it.\n\n\
         The test `conformance` of `pando-mls` generates this document from \
         [the files beside it](conformance/README.md). The test fails if a name in this document does not exist, \
         or if no test breaks a `Violation`.\n",
        count(Kind::Must),
        count(Kind::Should),
    );
    for Chapter { title, entries } in chapters {
        let mut kept =
            entries.iter().filter(|entry| matches!(entry.kind, Kind::Must | Kind::Should)).peekable();
        if kept.peek().is_none() {
            continue;
        }
        write!(out, "\n## {title}\n\n| § | Rule | Done by | Shown by |\n|---|---|---|---|\n").unwrap();
        for Entry { kind, section, text, by, rules, tests } in kept {
            let should = if *kind == Kind::Should { "*Recommended:* " } else { "" };
            let rules: String = rules.iter().map(|rule| format!("<br>`Violation::{rule}`")).collect();
            let (by, tests) = (links(by), links(tests));
            writeln!(out, "| {section} | {should}{text} | {by}{rules} | {tests} |").unwrap();
        }
    }
    list(&mut out, "Left to applications, on purpose", chapters, Kind::Left);
    list(&mut out, "Not followed", chapters, Kind::Not);
    list(&mut out, "Where the RFC contradicts itself", chapters, Kind::Odd);
    out
}

#[test]
fn the_document_is_what_the_data_says() {
    let (path, document) = (root().join("docs/conformance.md"), document(&data()));
    if env::var_os("PANDO_WRITE_DOCS").is_some() {
        fs::write(&path, document).unwrap();
    } else {
        // `assert_eq` would print both texts.
        assert!(
            read(&path) == document,
            "docs/conformance.md is out of date: see docs/conformance/README.md"
        );
    }
}
