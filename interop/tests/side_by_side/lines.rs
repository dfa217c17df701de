//! Counts the lines that each operation needs, and compares the counts with the table in the
//! document.

use std::collections::BTreeMap;
use std::fmt::Write;

const DOCUMENT: &str = include_str!("../../../docs/side-by-side.md");

/// The source files, in the order of the table's columns.
const SOURCES: [&str; 3] = [include_str!("pando.rs"), include_str!("openmls.rs"), include_str!("mls_rs.rs")];

/// The rows of the table: the name of each operation, and the name of its function.
const OPERATIONS: [(&str, &str); 12] = [
    ("client", "client"),
    ("KeyPackage", "key_package"),
    ("create", "create"),
    ("add", "add"),
    ("join", "join"),
    ("send", "send"),
    ("receive", "receive"),
    ("lost race", "lost_race"),
    ("restart", "restart"),
    ("GroupInfo", "group_info"),
    ("external join", "external_join"),
    ("members", "members"),
];

/// The name of the only function that is not an operation.
const STOP: &str = "stop";

/// Returns the number of lines in the body of each function of a source file that has been
/// formatted by rustfmt. Blank lines and lines that contain only a comment are not counted.
fn lines(source: &str) -> BTreeMap<&str, usize> {
    let mut counted = BTreeMap::new();
    let mut rest = source.lines();
    while let Some(line) = rest.next() {
        let Some((indent, definition)) = line.split_once("fn ") else { continue };
        let Some((name, _)) = definition.split_once('(') else { continue };
        assert_eq!(indent, "    ", "not a function of the trait: {name}");
        if !line.ends_with('{') {
            assert!(rest.by_ref().any(|line| line.starts_with("    ) -> ") && line.ends_with('{')), "{name}");
        }
        let body = rest.by_ref().take_while(|line| *line != "    }").map(str::trim);
        let count = body.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        assert!(counted.insert(name, count).is_none(), "{name} is defined twice");
    }
    counted
}

/// Returns the table as the document must contain it.
fn table() -> String {
    let columns = SOURCES.map(lines);
    let mut table = "| operation | Pando | OpenMLS | mls-rs |\n|---|--:|--:|--:|\n".to_owned();
    let mut sums = [0; 3];
    for (operation, name) in OPERATIONS {
        let counts = columns.each_ref().map(|lines| lines[name]);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        let [pando, openmls, mls_rs] = counts;
        writeln!(table, "| {operation} | {pando} | {openmls} | {mls_rs} |").unwrap();
    }
    let [pando, openmls, mls_rs] = sums;
    writeln!(table, "| **sum** | **{pando}** | **{openmls}** | **{mls_rs}** |").unwrap();
    table
}

#[test]
fn the_table_is_current() {
    let written: String =
        DOCUMENT.lines().filter(|line| line.starts_with('|')).flat_map(|line| [line, "\n"]).collect();
    assert!(written == table(), "docs/side-by-side.md should have\n{}", table());
}

/// The sources have no helper functions, which would hide lines, and no panics, which would be
/// shorter than errors.
#[test]
fn nothing_is_hidden() {
    let mut expected: Vec<_> = OPERATIONS.iter().map(|(_, name)| *name).chain([STOP]).collect();
    expected.sort_unstable();
    for source in SOURCES {
        let functions: Vec<_> = lines(source).into_keys().collect();
        assert_eq!(functions, expected);
        for word in [".unwrap", ".expect", "panic!", "macro_rules!", "rustfmt::skip"] {
            assert!(!source.contains(word), "{word}");
        }
    }
}
