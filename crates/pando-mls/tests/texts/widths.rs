//! Comments have at most 100 columns, and documents at most 110. rustfmt checks neither: its
//! setting for comments is unstable.

use crate::files::{Fences, files, read, root, shown};

const COMMENT: usize = 100;
const DOCUMENT: usize = 110;

/// Documents that a program writes, with a paragraph on each line.
const GENERATED: [&str; 2] = ["docs/benchmarks.md", "docs/conformance.md"];

/// The marks of a generated part of a document. A heading ends it, too.
const GENERATED_PART: [&str; 2] = ["<!-- Made by", "<!-- To here"];

/// Files with lines that are still too wide. A file that has none any more must leave this list.
const STILL_WIDE: [&str; 33] = [
    "benches/constant-time/README.md",
    "benches/constant-time/src/main.rs",
    "crates/pando-mls/examples/external_join.rs",
    "crates/pando-mls/examples/large_group.rs",
    "crates/pando-mls/examples/people/mod.rs",
    "crates/pando-mls/examples/psk.rs",
    "crates/pando-mls/examples/public_server.rs",
    "crates/pando-mls/examples/reinit.rs",
    "crates/pando-mls/examples/twenty_members.rs",
    "crates/pando-mls/examples/two_members.rs",
    "crates/pando-store/examples/chat.rs",
    "crates/pando-store/examples/cost.rs",
    "crates/pando-store/src/lib.rs",
    "crates/pando-store/src/session/async_session.rs",
    "crates/pando-store/src/session/commit_events.rs",
    "crates/pando-store/src/session/error.rs",
    "crates/pando-store/src/session/event.rs",
    "crates/pando-store/src/session/joins.rs",
    "crates/pando-store/src/session/mod.rs",
    "crates/pando-store/src/session/no_rows.rs",
    "crates/pando-store/src/session/operations.rs",
    "crates/pando-store/src/session/receive.rs",
    "crates/pando-store/tests/session/application_errors.rs",
    "crates/pando-store/tests/session/events_of_proposals.rs",
    "crates/pando-store/tests/session/external_joins.rs",
    "crates/pando-store/tests/session/fixture.rs",
    "crates/pando-store/tests/session/forged_messages.rs",
    "crates/pando-store/tests/session/held_and_rejected.rs",
    "crates/pando-store/tests/session/restarts.rs",
    "crates/pando-store/tests/session/simulation.rs",
    "crates/pando-store/tests/session/welcomes.rs",
    "crates/pando-store/tests/session_faults/main.rs",
    "crates/pando-store/tests/session_faults/steps.rs",
];

/// Returns whether a line may be of any width: a row of a table, or an address, which nothing can
/// break.
fn is_exempt(text: &str) -> bool {
    text.starts_with('|') || text.contains("://")
}

fn width(line: &str) -> usize {
    line.chars().count()
}

/// Returns the numbers of the lines of a Rust file with a comment that is too wide. Comments behind
/// code are rustfmt's matter.
fn wide_comments(source: &str) -> Vec<usize> {
    let mut fences = Fences::default();
    let mut wide = Vec::new();
    for (number, line) in (1..).zip(source.lines()) {
        let Some(comment) = line.trim_start().strip_prefix("//") else {
            fences = Fences::default();
            continue;
        };
        let text = comment.trim_start_matches(['/', '!']).trim_start();
        if !fences.is_code(text) && !is_exempt(text) && width(line) > COMMENT {
            wide.push(number);
        }
    }
    wide
}

/// Returns the numbers of the lines of a document that are too wide.
fn wide_lines(document: &str) -> Vec<usize> {
    let (mut fences, mut is_generated) = (Fences::default(), false);
    let mut wide = Vec::new();
    for (number, line) in (1..).zip(document.lines()) {
        if line.starts_with(GENERATED_PART[0]) {
            is_generated = true;
        } else if line.starts_with(GENERATED_PART[1]) || line.starts_with('#') {
            is_generated = false;
        }
        let is_free = fences.is_code(line) || is_generated || is_exempt(line.trim_start());
        if !is_free && width(line) > DOCUMENT {
            wide.push(number);
        }
    }
    wide
}

/// Checks all files with an extension.
fn check(extension: &str, columns: usize, wide: impl Fn(&str) -> Vec<usize>) {
    let mut wrong = Vec::new();
    for path in files(extension) {
        let path_shown = shown(&path);
        let lines = wide(&read(&path));
        if STILL_WIDE.contains(&&*path_shown) {
            assert!(
                !lines.is_empty(),
                "remove {path_shown} from `STILL_WIDE`: it has no wide lines any more"
            );
        } else if !GENERATED.contains(&&*path_shown) {
            wrong.extend(lines.into_iter().map(|line| format!("{path_shown}:{line}")));
        }
    }
    assert!(wrong.is_empty(), "more than {columns} columns:\n{}", wrong.join("\n"));
}

#[test]
fn files_that_are_still_wide_exist() {
    for path in STILL_WIDE {
        assert!(root().join(path).is_file(), "{path} is in `STILL_WIDE`, and has moved");
    }
}

#[test]
fn comments_are_narrow() {
    check("rs", COMMENT, wide_comments);
}

#[test]
fn documents_are_narrow() {
    check("md", DOCUMENT, wide_lines);
}

#[test]
fn wide_lines_are_found() {
    let long = "word ".repeat(30);
    let source = format!(
        "// {long}\n    //! {long}\nlet x = 1; // {long}\n/// ```\n/// {long}\n/// ```\n/// | {long}\n/// {long}\n"
    );
    assert_eq!(wide_comments(&source), [1, 2, 8]);
    let document =
        format!("{long}\n- {long}\n```\n{long}\n```\n| {long} |\nhttps://example.org {long}\n{long}");
    assert_eq!(wide_lines(&document), [1, 2, 8]);
    let generated =
        format!("<!-- Made by x -->\n{long}\n<!-- To here. -->\n{long}\n<!-- Made by\n{long}\n# x\n{long}");
    assert_eq!(wide_lines(&generated), [4, 8]);
    // Columns, not bytes.
    assert!(wide_lines(&"ä".repeat(DOCUMENT)).is_empty());
}
