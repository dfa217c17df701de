//! Tests that `docs/interop.md` equals the output of the code, apart from the counts, and that each
//! supported operation succeeded at least once.

use pando_mixed::count::Counts;
use pando_mixed::matrix::{AWS_LC, PAIRS, TRIPLE};
use pando_mixed::table;
use std::fs;

/// Replaces each table cell that contains a number by a number sign.
fn structure(text: &str) -> String {
    let is_count =
        |cell: &str| !cell.is_empty() && cell.chars().all(|digit| digit.is_ascii_digit() || digit == ',');
    let cells = |line: &str| {
        line.split('|')
            .map(|cell| if is_count(cell.trim()) { "#" } else { cell.trim() })
            .collect::<Vec<_>>()
            .join("|")
    };
    text.trim().lines().map(cells).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tables_are_current() {
    let document = fs::read_to_string(table::document()).unwrap();
    let [_, written, _] = table::parts(&document).unwrap();
    let counted: Vec<_> =
        PAIRS.into_iter().chain([TRIPLE, AWS_LC]).map(|mix| (mix, Counts::default())).collect();
    let expected = table::tables(&counted);
    assert!(expected.contains("| 0 |"));
    assert_eq!(structure(written), structure(&expected));
    for line in written.lines().filter(|line| line.starts_with('|')) {
        assert!(!line.contains("| 0 |"), "never done: {line}");
    }
}
