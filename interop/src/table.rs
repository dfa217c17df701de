//! Creates the tables of `docs/interop.md`, which count the operations for each maker and receiver.

use crate::count::{Counts, Key};
use crate::library;
use crate::matrix::{self, AWS_LC, Mix, PAIRS, SUITES, TRIPLE};
use crate::operation::Operation;
use crate::trace::Divergence;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- Made by `cargo run --release -- table --write`. -->\n";
const END: &str = "<!-- To here. -->\n";

/// The names of the maker and the receiver.
pub type Direction = (&'static str, &'static str);

/// The directions in the tables of implementations without AWS-LC.
const PLAIN: [Direction; 6] = [
    ("pando", "openmls"),
    ("openmls", "pando"),
    ("pando", "mls-rs"),
    ("mls-rs", "pando"),
    ("openmls", "mls-rs"),
    ("mls-rs", "openmls"),
];
/// The directions in the tables of implementations with AWS-LC.
const WITH_AWS_LC: [Direction; 4] = [
    ("pando", "mls-rs-awslc"),
    ("mls-rs-awslc", "pando"),
    ("pando-awslc", "mls-rs-awslc"),
    ("mls-rs-awslc", "pando-awslc"),
];

/// The content of the table cell for an operation in a given direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The number of times that the operation succeeded.
    Count(u64),
    /// One of the two implementations does not support the operation. The values are its name and
    /// the reason.
    NotOffered(&'static str, &'static str),
    /// One of the two implementations does not support the cipher suite.
    NoSuite,
}

/// Executes all runs, and returns the counts for each mix.
///
/// # Errors
/// Returns the first [`Divergence`] that occurs.
pub fn count() -> Result<Vec<(Mix, Counts)>, Box<Divergence>> {
    let mut counted = Vec::new();
    for mix in PAIRS.into_iter().chain([TRIPLE, AWS_LC]) {
        let mut counts = Counts::default();
        for suite in matrix::suites(mix) {
            counts.add(&matrix::run(mix, suite)?);
        }
        counted.push((mix, counts));
    }
    Ok(counted)
}

/// Returns the content of a table cell.
#[must_use]
pub fn cell(counts: &Counts, suite: u16, operation: Operation, (maker, receiver): Direction) -> Cell {
    let (Some(making), Some(taking)) = (library::named(maker), library::named(receiver)) else {
        return Cell::NoSuite;
    };
    if !making.has(suite) || !taking.has(suite) {
        return Cell::NoSuite;
    }
    if let Some(reason) = making.cannot_make(operation) {
        return Cell::NotOffered(maker, reason);
    }
    if let Some(reason) = taking.cannot_take(operation) {
        return Cell::NotOffered(receiver, reason);
    }
    let key = Key { suite, operation, maker, receiver };
    Cell::Count(counts.operations.get(&key).copied().unwrap_or(0))
}

/// Returns the text that belongs between the two marks in the document.
#[must_use]
pub fn tables(counted: &[(Mix, Counts)]) -> String {
    let mut text = String::from("| members of | seeds | epochs | messages processed |\n|---|---|---|---|\n");
    let mut counts = Counts::default();
    for (mix, of_mix) in counted {
        let seeds: usize = matrix::suites(mix).into_iter().map(|suite| matrix::runs(mix, suite).len()).sum();
        let (epochs, messages) = (thousands(of_mix.epochs), thousands(of_mix.messages));
        let _ = writeln!(text, "| {} | {seeds} | {epochs} | {messages} |", mix.join(", "));
        counts.add(of_mix);
    }
    let mut notes = Vec::new();
    for suite in SUITES {
        for directions in [&PLAIN[..], &WITH_AWS_LC[..]] {
            text.push_str(&table(&counts, suite, directions, &mut notes));
        }
    }
    text.push('\n');
    for (number, (name, reason)) in notes.iter().enumerate() {
        let _ = writeln!(text, "{}. Not offered by {name}: {reason}.", number + 1);
    }
    text
}

fn table(
    counts: &Counts,
    suite: u16,
    directions: &[Direction],
    notes: &mut Vec<(&'static str, &'static str)>,
) -> String {
    let has = |direction: &&Direction| cell(counts, suite, Operation::Welcome, **direction) != Cell::NoSuite;
    let directions: Vec<_> = directions.iter().filter(has).collect();
    if directions.is_empty() {
        return String::new();
    }
    let heads: Vec<_> = directions.iter().map(|(maker, receiver)| format!("{maker} → {receiver}")).collect();
    let mut text =
        format!("\n| suite {suite} | {} |\n|---|{}\n", heads.join(" | "), "---:|".repeat(heads.len()));
    for operation in Operation::ALL {
        let cells = directions.iter().map(|direction| match cell(counts, suite, *operation, **direction) {
            Cell::Count(count) => thousands(count),
            Cell::NoSuite => "–".to_owned(),
            Cell::NotOffered(name, reason) => {
                // The reason is the same for every backend of an implementation.
                let name = name.trim_end_matches("-awslc");
                let known = notes.iter().position(|note| *note == (name, reason));
                let number = known.unwrap_or_else(|| {
                    notes.push((name, reason));
                    notes.len() - 1
                });
                format!("({})", number + 1)
            }
        });
        let cells: Vec<_> = cells.collect();
        let _ = writeln!(text, "| {operation} | {} |", cells.join(" | "));
    }
    text
}

/// Formats a number with commas as thousands separators.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns the path of `docs/interop.md`.
#[must_use]
pub fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/interop.md")
}

/// Returns the parts of the document before, between and after the two marks.
#[must_use]
pub fn parts(document: &str) -> Option<[&str; 3]> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (between, behind) = rest.split_once(END)?;
    Some([before, between, behind])
}

/// Returns the document with the text between the two marks replaced by `tables`.
#[must_use]
pub fn replace(document: &str, tables: &str) -> Option<String> {
    let [before, _, behind] = parts(document)?;
    Some(format!("{before}{BEGIN}\n{tables}\n{END}{behind}"))
}
