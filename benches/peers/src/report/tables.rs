//! Formats the tables of the report.

use std::fmt::Write as _;

use super::{
    floor::Primitives,
    format,
    results::{Column, PANDO, PEERS, Results, columns, is_primitive},
    targets::ROWS,
};
use crate::line::Line;

/// The operations that measure primitives, with their names in the table.
const PRIMITIVES: [(&str, &str); 7] = [
    ("primitive_sign", "sign"),
    ("primitive_verify", "verify"),
    ("primitive_verify_batch_1024", "verify, each of a batch of 1,024"),
    ("primitive_keygen", "keygen: a key pair for HPKE"),
    ("primitive_dh", "dh: a shared secret"),
    ("primitive_hpke_seal", "HPKE seal, 32 B"),
    ("primitive_hpke_open", "HPKE open, 32 B"),
];

/// The operations in the table of small groups.
const SMALL: [&str; 12] = [
    "process_update_commit",
    "process_update_commit_warm",
    "update_commit_create",
    "update_commit_warm_create",
    "join_welcome_single",
    "create_group_add_all_build",
    "add_commit_nopath_create",
    "process_add_commit_nopath",
    "process_remove_commit",
    "key_package_new",
    "app_encrypt_32B",
    "app_decrypt_32B",
];

/// Formats a Markdown table with the given heading and rows.
fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let mut text =
        format!("| {} |\n|---{}|\n", head.join(" | "), "|--:".repeat(head.len().saturating_sub(1)));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Formats a measurement for a table cell.
fn cell(line: Option<&Line>) -> String {
    let Some(line) = line else { return String::new() };
    match (line.median_us, line.bytes) {
        (Some(time), Some(bytes)) => format!("{} [{}]", format::time(time), format::bytes(bytes)),
        (Some(time), None) => format::time(time),
        (None, Some(bytes)) => format::bytes(bytes),
        (None, None) => "–".into(),
    }
}

/// Returns the columns that have a line for at least one of the given operations.
fn present(results: &Results, ops: &[&str]) -> Vec<Column> {
    let mut columns = columns();
    columns.retain(|column| {
        let mut sizes = ops.iter().flat_map(|op| results.sizes(Some(op)).into_iter().map(move |n| (op, n)));
        sizes.any(|(op, n)| results.get(*column, op, n).is_some())
    });
    columns
}

/// Returns the table for the main group size, including floors and targets.
#[must_use]
pub fn headline(results: &Results, n: u64, cores: u64) -> String {
    let primitives = PANDO.map(|column| Primitives::of(results, column));
    let columns = columns();
    let mut head = vec!["operation".into()];
    head.extend(columns.iter().map(|column| column.label.to_owned()));
    head.extend(["floor, RustCrypto / AWS-LC", "target", "met, RustCrypto / AWS-LC"].map(String::from));
    let mut rows = Vec::new();
    for row in ROWS {
        let mut cells = vec![row.title.to_owned()];
        cells.extend(columns.iter().map(|column| cell(results.get(*column, row.op, n))));
        let floors = primitives.map(|primitives| primitives.and_then(|known| known.floor(row.op, n, cores)));
        cells.push(either(floors.map(|floor| floor.map(format::time))));
        cells.push(row.target());
        let met = [0, 1].map(|backend| {
            let floor = primitives[backend].as_ref();
            let ratio = row.ratio(results, PANDO[backend], floor, n, cores)?;
            Some(format!("{} ({})", if ratio <= 1.0 { "yes" } else { "**no**" }, format::digits(ratio)))
        });
        cells.push(either(met));
        rows.push(cells);
    }
    table(&head, &rows)
}

/// Lists the targets that are missed by more than the measurement noise, and gives the reasons.
#[must_use]
pub fn missed(results: &Results, n: u64, cores: u64) -> String {
    const NOISE: f64 = 1.005;
    let primitives = PANDO.map(|column| Primitives::of(results, column));
    let mut text = String::new();
    for row in ROWS {
        let ratios = [0, 1].map(|backend| {
            row.ratio(results, PANDO[backend], primitives[backend].as_ref(), n, cores)
                .filter(|ratio| *ratio > NOISE)
        });
        if ratios.iter().any(Option::is_some) {
            let times = either(ratios.map(|ratio| ratio.map(format::digits)));
            let reason = row.reason().unwrap_or("The reason is not known.");
            let _ = writeln!(text, "- {}: {times} times the target. {reason}", row.title);
        }
    }
    text
}

/// Formats a value for each of the two backends. Returns an empty text if neither has a value.
fn either([left, right]: [Option<String>; 2]) -> String {
    if left.is_none() && right.is_none() {
        return String::new();
    }
    let text = |side: Option<String>| side.unwrap_or_else(|| "–".into());
    format!("{} / {}", text(left), text(right))
}

/// Returns the table of the primitives from which the floors are computed.
#[must_use]
pub fn primitives(results: &Results) -> String {
    let mut rows = Vec::new();
    for (op, title) in PRIMITIVES {
        let times = PANDO.map(|column| results.any_time(column, op));
        if times.iter().any(Option::is_some) {
            rows.push(vec![title.to_owned(), optional_time(times[0]), optional_time(times[1])]);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    table(&["primitive".into(), "RustCrypto".into(), "AWS-LC".into()], &rows)
}

fn optional_time(time: Option<f64>) -> String {
    time.map(format::time).unwrap_or_default()
}

/// Returns the table of small groups, which compares Pando with the fastest peer that uses the same
/// kind of backend.
#[must_use]
pub fn small_groups(results: &Results) -> String {
    let mut head = vec!["operation".into(), "members".into()];
    for backend in ["RustCrypto", "AWS-LC"] {
        head.extend([format!("Pando, {backend}"), "fastest peer".into(), "ratio".into()]);
    }
    let mut rows = Vec::new();
    for op in SMALL {
        for n in [2, 10, 100] {
            let mut cells = vec![op.to_owned(), n.to_string()];
            for pando in PANDO {
                let ours = results.time(pando, op, n);
                let best = fastest_peer(results, pando.crypto, op, n);
                cells.push(optional_time(ours));
                cells.push(
                    best.map(|(peer, time)| format!("{} ({})", format::time(time), peer.implementation))
                        .unwrap_or_default(),
                );
                let ratio = ours.zip(best).map(|(ours, (_, theirs))| ours / theirs);
                cells.push(ratio.map(emphasised).unwrap_or_default());
            }
            if cells.iter().skip(2).any(|cell| !cell.is_empty()) {
                rows.push(cells);
            }
        }
    }
    table(&head, &rows)
}

/// Formats a ratio, in bold if Pando is slower than the peer.
fn emphasised(ratio: f64) -> String {
    let digits = format::digits(ratio);
    if ratio > 1.0 { format!("**{digits}**") } else { digits }
}

fn fastest_peer(results: &Results, crypto: &str, op: &str, n: u64) -> Option<(Column, f64)> {
    let same = PEERS.into_iter().filter(|peer| peer.crypto == crypto);
    let times = same.filter_map(|peer| results.time(peer, op, n).map(|time| (peer, time)));
    times.min_by(|(_, left), (_, right)| left.total_cmp(right))
}

/// Returns the table of Pando's measurements with all cipher suites.
#[must_use]
pub fn suites(results: &Results) -> String {
    let mut rows = Vec::new();
    for (op, n) in results.ops_of_suites() {
        for pando in PANDO {
            let lines: Vec<_> = (1..=7).map(|suite| results.get_with_suite(pando, op, n, suite)).collect();
            if lines.iter().skip(1).any(Option::is_some) {
                let mut cells = vec![op.to_owned(), format::count(n), pando.crypto.to_owned()];
                cells.extend(lines.into_iter().map(cell));
                rows.push(cells);
            }
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut head: Vec<String> = ["operation", "members", "backend"].map(String::from).into();
    head.extend((1..=7).map(|suite| format!("suite {suite}")));
    table(&head, &rows)
}

/// Returns the table of all operations that were measured at the given size.
#[must_use]
pub fn of_size(results: &Results, n: u64) -> String {
    let ops: Vec<_> = results.ops().into_iter().filter(|op| results.sizes(Some(op)).contains(&n)).collect();
    let mut columns = columns();
    columns.retain(|column| ops.iter().any(|op| results.get(*column, op, n).is_some()));
    let mut head = vec!["operation".into()];
    head.extend(columns.iter().map(|column| column.label.to_owned()));
    let mut rows = Vec::new();
    for op in ops {
        let mut cells = vec![op.to_owned()];
        cells.extend(columns.iter().map(|column| cell(results.get(*column, op, n))));
        rows.push(cells);
    }
    if rows.is_empty() { String::new() } else { table(&head, &rows) }
}

/// Returns a table for each operation, which shows the sizes, the columns, the growth and the
/// notes.
#[must_use]
pub fn operations(results: &Results) -> String {
    let mut text = String::new();
    for op in results.ops().into_iter().filter(|op| !is_primitive(op)) {
        let columns = present(results, &[op]);
        let mut head = vec!["n".into()];
        head.extend(columns.iter().map(|column| column.label.to_owned()));
        let mut rows = Vec::new();
        for n in results.sizes(Some(op)) {
            let mut cells = vec![format::count(n)];
            cells.extend(columns.iter().map(|column| cell(results.get(*column, op, n))));
            rows.push(cells);
        }
        let mut growth = vec!["growth".to_owned()];
        growth.extend(columns.iter().map(|column| exponents(results, *column, op)));
        if growth.iter().skip(1).any(|cell| !cell.is_empty()) {
            rows.push(growth);
        }
        let _ = write!(text, "### {op}\n\n{}\n{}", table(&head, &rows), notes(results, &columns, op));
    }
    text
}

/// Returns the growth exponents between consecutive sizes that differ by at least a factor of two.
fn exponents(results: &Results, column: Column, op: &str) -> String {
    let points: Vec<_> = points(results, column, op);
    let pairs = points.windows(2).filter_map(|pair| match pair {
        [from, to] if to.0 >= 2 * from.0 => Some(format!("{:.2}", format::exponent(*from, *to))),
        _ => None,
    });
    pairs.collect::<Vec<_>>().join(", ")
}

/// Returns the values of a column for an operation, in the order of the sizes. The values are times
/// or, where there are no times, bytes.
#[must_use]
pub fn points(results: &Results, column: Column, op: &str) -> Vec<(u64, f64)> {
    let value =
        |line: &Line| line.median_us.or(line.bytes.map(|bytes| bytes as f64)).filter(|value| *value > 0.0);
    let sizes = results.sizes(Some(op)).into_iter();
    sizes.filter_map(|n| results.get(column, op, n).and_then(value).map(|value| (n, value))).collect()
}

/// Lists the notes on the figures of each column.
fn notes(results: &Results, columns: &[Column], op: &str) -> String {
    let mut text = String::new();
    for column in columns {
        let mut said: Vec<(String, Vec<String>)> = Vec::new();
        for n in results.sizes(Some(op)) {
            if let Some(note) = results.get(*column, op, n).and_then(|line| line.note.clone()) {
                match said.iter_mut().find(|(known, _)| *known == note) {
                    Some((_, sizes)) => sizes.push(format::count(n)),
                    None => said.push((note, vec![format::count(n)])),
                }
            }
        }
        for (note, sizes) in said {
            let _ = writeln!(text, "- {}, n = {}: {note}", column.label, sizes.join("; "));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let mut results = Results::default();
        results.read(concat!(
            r#"{"impl":"pando","crypto":"rustcrypto","op":"process_update_commit","n":10,"median_us":150.0,"bytes":900}"#,
            "\n",
            r#"{"impl":"openmls","crypto":"rustcrypto","op":"process_update_commit","n":10,"median_us":300.0}"#,
            "\n",
            r#"{"impl":"mls-rs","crypto":"rustcrypto","op":"process_update_commit","n":10,"median_us":200.0}"#,
            "\n",
            r#"{"impl":"mls-rs","crypto":"rustcrypto","op":"process_update_commit","n":1000,"median_us":20000.0}"#,
            "\n",
            r#"{"impl":"openmls","crypto":"rustcrypto","op":"process_update_commit","n":1000,"median_us":null,"#,
            r#""note":"too slow"}"#,
            "\n",
            r#"{"impl":"pando","crypto":"aws-lc","op":"load_group","n":1000,"median_us":5.0,"suite":2}"#,
        ));
        results
    }

    #[test]
    fn an_operation_has_sizes_growth_and_notes() {
        let text = operations(&results());
        assert_eq!(
            text,
            concat!(
                "### process_update_commit\n\n",
                "| n | Pando, RustCrypto | OpenMLS, RustCrypto | mls-rs, RustCrypto |\n",
                "|---|--:|--:|--:|\n",
                "| 10 | 150 us [900 B] | 300 us | 200 us |\n",
                "| 1,000 |  | – | 20.0 ms |\n",
                "| growth |  |  | 1.00 |\n\n",
                "- OpenMLS, RustCrypto, n = 1,000: too slow\n\n",
            )
        );
    }

    #[test]
    fn small_groups_are_compared_with_the_fastest() {
        let text = small_groups(&results());
        assert!(
            text.contains("| process_update_commit | 10 | 150 us | 200 us (mls-rs) | 0.75 |  |  |  |"),
            "{text}"
        );
    }

    #[test]
    fn other_suites_and_sizes_have_tables() {
        let results = results();
        assert!(suites(&results).contains("| load_group | 1,000 | aws-lc |  | 5.00 us |"));
        assert!(suites(&Results::default()).is_empty());
        assert!(of_size(&results, 1_000).contains("| process_update_commit | – | 20.0 ms |"));
        assert!(of_size(&results, 1_000_000).is_empty());
    }

    #[test]
    fn what_is_missed_has_a_reason() {
        let mut results = results();
        assert_eq!(missed(&results, 1_000, 2), "");
        for (op, us) in [("process_remove_commit", "1200.0"), ("process_add_commit_nopath", "1000.0")] {
            results.read(&format!(
                r#"{{"impl":"pando","crypto":"aws-lc","op":"{op}","n":1000,"median_us":{us},"bytes":null}}"#
            ));
        }
        assert_eq!(
            missed(&results, 1_000, 2),
            "- process an add commit without path: – / 2.00 times the target. The reason is not known.\n\
             - process a remove commit: – / 2.00 times the target. The reason is the same as for an update commit.\n"
        );
    }

    #[test]
    fn the_headline_works_with_little() {
        let text = headline(&results(), 1_000, 2);
        assert!(
            text.contains("| process an update commit |  |  | – | 20.0 ms |  |  | 600 us, 2 x at 10 |  |"),
            "{text}"
        );
    }
}
