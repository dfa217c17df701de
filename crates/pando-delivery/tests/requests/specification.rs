//! The tables of docs/protocol.md: operations with the statuses of their answers (sections 5 to
//! 15), and problem codes (section 4).

use std::collections::{BTreeMap, BTreeSet};

const TEXT: &str = include_str!("../../../../docs/protocol.md");

/// Returns the operations that the document names: a method and a path in backticks, without the
/// query. A method alone is an operation on the path that was named last.
pub(crate) fn operations() -> BTreeSet<String> {
    let text = TEXT.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut operations, mut last) = (BTreeSet::new(), None);
    for span in text.split('`').skip(1).step_by(2) {
        let (method, path) = span.split_once(' ').unwrap_or((span, ""));
        if !["GET", "POST", "PUT", "DELETE"].contains(&method) {
            continue;
        }
        let path = path.split('?').next().unwrap();
        if path.starts_with('/') && !path.contains(' ') {
            last = Some(path);
        } else {
            assert_eq!(path, "", "{span}");
        }
        operations.insert(format!("{method} {}", last.unwrap()));
    }
    operations
}

/// Returns the statuses in the tables of requests.
pub(crate) fn statuses() -> BTreeMap<String, u16> {
    let rows = TEXT.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let operation = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        Some((operation, cells.get(3)?.split(' ').next()?.parse().ok()?))
    });
    rows.filter(|(operation, _): &(String, u16)| operation.contains(" /")).collect()
}

/// Returns the problem codes in the table of section 4.
pub(crate) fn codes() -> BTreeSet<String> {
    let section = TEXT.split("\n## 4. Problems").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(code, _)| code.to_owned()).collect()
}
