//! All lines of a report, indexed by operation, size and library.

use std::collections::{BTreeMap, BTreeSet};

use crate::line::Line;

/// A column of the tables, which shows a library with one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// The name of the library.
    pub implementation: &'static str,
    /// The name of the backend.
    pub crypto: &'static str,
    /// The heading of the column.
    pub label: &'static str,
}

const fn column(implementation: &'static str, crypto: &'static str, label: &'static str) -> Column {
    Column { implementation, crypto, label }
}

/// The columns of Pando, with RustCrypto and with AWS-LC.
pub const PANDO: [Column; 2] =
    [column("pando", "rustcrypto", "Pando, RustCrypto"), column("pando", "aws-lc", "Pando, AWS-LC")];

/// The columns of the other libraries.
pub const PEERS: [Column; 3] = [
    column("openmls", "rustcrypto", "OpenMLS, RustCrypto"),
    column("mls-rs", "rustcrypto", "mls-rs, RustCrypto"),
    column("mls-rs", "aws-lc", "mls-rs, AWS-LC"),
];

/// Returns all columns in the order in which the tables show them.
#[must_use]
pub fn columns() -> Vec<Column> {
    PANDO.into_iter().chain(PEERS).collect()
}

type Key = (u16, String, u64, String, String);

/// The results of all measurements, with one line for each measurement.
#[derive(Default)]
pub struct Results {
    lines: BTreeMap<Key, Line>,
}

impl Results {
    /// Reads the lines of a file. A line replaces an earlier line for the same measurement, unless
    /// it has no figures. Returns the line numbers of invalid lines.
    pub fn read(&mut self, text: &str) -> Vec<usize> {
        let mut wrong = Vec::new();
        for (number, json) in text.lines().enumerate().filter(|(_, json)| !json.trim().is_empty()) {
            match serde_json::from_str(json) {
                Ok(line) => self.insert(line),
                Err(_) => wrong.push(number + 1),
            }
        }
        wrong
    }

    fn insert(&mut self, mut line: Line) {
        line.note = line.note.filter(|note| !note.is_empty());
        let Line { suite, op, n, implementation, crypto, .. } = line.clone();
        let key = (suite, op, n, implementation, crypto);
        if line.is_measured() || !self.lines.get(&key).is_some_and(Line::is_measured) {
            self.lines.insert(key, line);
        }
    }

    /// Returns the line of a column for an operation at the given size, with the first cipher
    /// suite.
    #[must_use]
    pub fn get(&self, column: Column, op: &str, n: u64) -> Option<&Line> {
        self.get_with_suite(column, op, n, 1)
    }

    /// Like [`Self::get`], but with any cipher suite.
    #[must_use]
    pub fn get_with_suite(&self, column: Column, op: &str, n: u64, suite: u16) -> Option<&Line> {
        self.lines.get(&(suite, op.into(), n, column.implementation.into(), column.crypto.into()))
    }

    /// Returns the time of an operation at the given size in microseconds.
    #[must_use]
    pub fn time(&self, column: Column, op: &str, n: u64) -> Option<f64> {
        self.get(column, op, n)?.median_us
    }

    /// Returns the time of an operation at any size. This function is meant for primitives, which
    /// do not depend on the group size.
    #[must_use]
    pub fn any_time(&self, column: Column, op: &str) -> Option<f64> {
        let mut lines = self.lines.values().filter(|line| line.op == op && is_of(line, column));
        lines.find_map(|line| line.median_us)
    }

    /// Returns the operations that were measured with the first cipher suite, in alphabetical
    /// order.
    #[must_use]
    pub fn ops(&self) -> BTreeSet<&str> {
        self.lines.values().filter(|line| line.suite == 1).map(|line| line.op.as_str()).collect()
    }

    /// Returns the operations and sizes that were measured with cipher suites other than the first
    /// one.
    #[must_use]
    pub fn ops_of_suites(&self) -> BTreeSet<(&str, u64)> {
        let others = self.lines.values().filter(|line| line.suite != 1 && !is_primitive(&line.op));
        others.map(|line| (line.op.as_str(), line.n)).collect()
    }

    /// Returns the sizes at which the given operation was measured, or at which any operation was
    /// measured if none is given.
    #[must_use]
    pub fn sizes(&self, op: Option<&str>) -> BTreeSet<u64> {
        let lines = self.lines.values().filter(|line| line.suite == 1 && !is_primitive(&line.op));
        lines.filter(|line| op.is_none_or(|op| line.op == op)).map(|line| line.n).collect()
    }
}

fn is_of(line: &Line, column: Column) -> bool {
    line.suite == 1 && line.implementation == column.implementation && line.crypto == column.crypto
}

/// Returns whether an operation is a cryptographic primitive.
#[must_use]
pub fn is_primitive(op: &str) -> bool {
    op.starts_with("primitive_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        r#"{"impl":"pando","crypto":"aws-lc","op":"x","n":10,"median_us":4.0}"#,
        "\n\nnot a line\n",
        r#"{"impl":"pando","crypto":"aws-lc","op":"x","n":10,"median_us":3.0,"note":""}"#,
        "\n",
        r#"{"impl":"pando","crypto":"aws-lc","op":"x","n":10,"median_us":null,"note":"too slow"}"#,
        "\n",
        r#"{"impl":"pando","crypto":"aws-lc","op":"x","n":10,"median_us":9.0,"suite":5}"#,
        "\n",
        r#"{"impl":"mls-rs","crypto":"aws-lc","op":"y","n":2,"median_us":null,"note":"too slow"}"#,
        "\n",
        r#"{"impl":"pando","crypto":"aws-lc","op":"primitive_dh","n":1,"median_us":28.0}"#,
    );

    #[test]
    fn lines_are_joined() {
        let mut results = Results::default();
        assert_eq!(results.read(LINES), [3]);
        assert_eq!(results.time(PANDO[1], "x", 10), Some(3.0));
        assert_eq!(results.time(PANDO[0], "x", 10), None);
        assert_eq!(results.get(PANDO[1], "x", 10).unwrap().note, None);
        assert_eq!(results.get(PEERS[2], "y", 2).unwrap().note.as_deref(), Some("too slow"));
        assert_eq!(results.get_with_suite(PANDO[1], "x", 10, 5).unwrap().median_us, Some(9.0));
        assert_eq!(results.any_time(PANDO[1], "primitive_dh"), Some(28.0));
        assert_eq!(results.ops().into_iter().collect::<Vec<_>>(), ["primitive_dh", "x", "y"]);
        assert_eq!(results.sizes(None).into_iter().collect::<Vec<_>>(), [2, 10]);
        assert_eq!(results.sizes(Some("x")).into_iter().collect::<Vec<_>>(), [10]);
        assert_eq!(results.ops_of_suites().into_iter().collect::<Vec<_>>(), [("x", 10)]);
    }
}
