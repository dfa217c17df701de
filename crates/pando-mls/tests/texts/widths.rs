//! Checks that comments have at most 100 columns, and documents at most 110. rustfmt checks
//! neither, because its setting for comments is unstable.

use crate::files::{Fences, files, read, shown};

const COMMENT: usize = 100;
const DOCUMENT: usize = 110;

/// Generated documents, in which each paragraph is on a single line.
const GENERATED: [&str; 2] = ["docs/benchmarks.md", "docs/conformance.md"];

/// The markers around a generated part of a document. A heading also ends such a part.
const GENERATED_PART: [&str; 2] = ["<!-- Made by", "<!-- To here"];

/// Returns whether a line may have any width. Rows of tables may, and so may addresses, which
/// cannot be broken.
fn is_exempt(text: &str) -> bool {
    text.starts_with('|') || text.contains("://")
}

fn width(line: &str) -> usize {
    line.chars().count()
}

/// Returns the numbers of the lines of a Rust file with a comment that is too wide. Comments after
/// code on the same line are ignored, because rustfmt formats these lines.
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

/// Checks all files with a given extension.
fn check(extension: &str, columns: usize, wide: impl Fn(&str) -> Vec<usize>) {
    let mut wrong = Vec::new();
    for path in files(extension) {
        let path_shown = shown(&path);
        let lines = wide(&read(&path));
        if !GENERATED.contains(&&*path_shown) {
            wrong.extend(lines.into_iter().map(|line| format!("{path_shown}:{line}")));
        }
    }
    assert!(wrong.is_empty(), "more than {columns} columns:\n{}", wrong.join("\n"));
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
    // The width is counted in columns, not in bytes.
    assert!(wide_lines(&"ä".repeat(DOCUMENT)).is_empty());
}
