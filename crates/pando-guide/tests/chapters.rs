//! Checks the chapters of the guide. Each chapter must be in the book and be tested, every program
//! must be compiled, and every link must have a target.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, a panic is a failure and that is all"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Words after "rust" that prevent a program from being compiled or from running to its end.
const EVASIONS: [&str; 4] = ["ignore", "no_run", "should_panic", "compile_fail"];

/// Languages of code blocks that are not programs.
const OTHER_LANGUAGES: [&str; 2] = ["sh", "toml"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn folder() -> PathBuf {
    root().join("docs/guide/src")
}

/// Returns the text of each file of the book, indexed by the file's name.
fn files() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    files
        .map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap()))
        .collect()
}

/// Returns the targets of all links outside code blocks.
fn links(text: &str) -> Vec<String> {
    let prose = outside_of_blocks(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

fn outside_of_blocks(text: &str) -> String {
    let mut is_inside = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_inside ^= is_fence;
        !is_inside && !is_fence
    });
    prose.collect::<Vec<_>>().join("\n")
}

/// Returns the text after each opening fence, with its line number.
fn fences(text: &str) -> Vec<(usize, &str)> {
    let fences = text
        .lines()
        .enumerate()
        .filter_map(|(line, text)| text.trim_start().strip_prefix("```").map(|info| (line + 1, info)));
    let fences: Vec<_> = fences.collect();
    assert!(fences.len().is_multiple_of(2), "a block is not closed");
    fences.into_iter().step_by(2).collect()
}

/// Returns the anchors of a chapter's headings, as mdBook generates them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = outside_of_blocks(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => {
                Some(letter.to_ascii_lowercase())
            }
            _ => None,
        });
        kept.collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_chapter_is_included() {
    let files = files();
    let in_summary = links(&files["SUMMARY.md"]);
    let source = include_str!("../src/lib.rs");
    let (_, list) = source.split_once("\nchapters! {\n").unwrap();
    let (list, _) = list.split_once("\n}").unwrap();
    let included: Vec<_> = list.lines().map(|line| line.split('"').nth(1).unwrap().to_owned()).collect();
    assert_eq!(included, in_summary, "the tested chapters differ from SUMMARY.md");
    let written: BTreeSet<_> = files.into_keys().filter(|name| name != "SUMMARY.md").collect();
    assert_eq!(written, in_summary.into_iter().collect(), "the existing chapters differ from SUMMARY.md");
}

#[test]
fn every_program_is_compiled() {
    let mut programs = 0;
    for (name, text) in files() {
        for (line, info) in fences(&text) {
            let words: Vec<_> = info.split([',', ' ']).filter(|word| !word.is_empty()).collect();
            let is_program = words.first() == Some(&"rust");
            programs += usize::from(is_program);
            let is_other = words.len() == 1 && OTHER_LANGUAGES.contains(&words[0]);
            assert!(is_program || is_other, "{name}:{line}: a block of {info:?}");
            assert!(
                !EVASIONS.iter().any(|word| words.contains(word)),
                "{name}:{line}: {info:?} is not tested"
            );
        }
    }
    assert!(programs > 20, "{programs} programs");
}

#[test]
fn links_lead_somewhere() {
    let files = files();
    let repository = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/HEAD/");
    for (name, text) in &files {
        for link in links(text) {
            let (target, anchor) =
                link.split_once('#').map_or((&*link, None), |(it, anchor)| (it, Some(anchor)));
            if let Some(path) = target.strip_prefix(repository) {
                assert!(root().join(path).is_file(), "{name}: {link}");
                continue;
            }
            if target.starts_with("https://") {
                continue;
            }
            let chapter = if target.is_empty() { name } else { target };
            let Some(text) = files.get(chapter) else { panic!("{name}: {link}") };
            assert!(anchor.is_none_or(|anchor| anchors(text).contains(anchor)), "{name}: {link}");
        }
    }
}
