//! The results of the runs, in two formats: a table for people, and results with transcripts for
//! programs, in the format of the official runner.

use super::config::Script;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;

/// One call in a transcript. Bytes are encoded in Base64.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) actor: String,
    pub(crate) rpc: &'static str,
    pub(crate) request: Value,
    pub(crate) response: Value,
}

/// The result of one run of a script.
#[derive(Debug, Serialize)]
pub(crate) struct ScriptResult {
    pub(crate) cipher_suite: u32,
    /// The name of each actor's client.
    pub(crate) actors: BTreeMap<String, String>,
    #[serde(rename = "encrypt_flag")]
    pub(crate) encrypt_handshake: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) transcript: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The number of the failed step, or the number of steps if the failure occurred after the last
    /// step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_step: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_step_json: Option<String>,
}

/// A writer of results in the official format: `{"scripts": {name: [result, ...]}}`. Each result is
/// written immediately, because transcripts are long.
pub(crate) struct Results<W> {
    to: W,
    script: Option<String>,
}

impl<W: io::Write> Results<W> {
    pub(crate) fn begin(mut to: W) -> io::Result<Self> {
        to.write_all(b"{\"scripts\":{")?;
        Ok(Self { to, script: None })
    }

    /// Adds a result. The results of one script must be added one after the other.
    pub(crate) fn add(&mut self, script: &str, result: &ScriptResult) -> io::Result<()> {
        if self.script.as_deref() == Some(script) {
            self.to.write_all(b",\n")?;
        } else {
            if self.script.is_some() {
                self.to.write_all(b"],")?;
            }
            self.to.write_all(b"\n")?;
            serde_json::to_writer(&mut self.to, script)?;
            self.to.write_all(b":[\n")?;
            self.script = Some(script.to_owned());
        }
        serde_json::to_writer(&mut self.to, result)?;
        Ok(())
    }

    pub(crate) fn end(mut self) -> io::Result<()> {
        if self.script.is_some() {
            self.to.write_all(b"]")?;
        }
        self.to.write_all(b"\n}}\n")?;
        self.to.flush()
    }
}

/// The counts of runs, and the descriptions of failed runs.
#[derive(Default)]
pub(crate) struct Summary {
    /// The number of passed runs and the number of all runs. The outer key consists of the script
    /// and whether handshake messages are private. The inner key is the cipher suite.
    counts: BTreeMap<(String, bool), BTreeMap<u32, (usize, usize)>>,
    failures: Vec<String>,
    passed: usize,
}

impl Summary {
    pub(crate) fn add(&mut self, script: &Script, result: &ScriptResult) {
        let row = self.counts.entry((script.name.clone(), result.encrypt_handshake)).or_default();
        let (passed, run) = row.entry(result.cipher_suite).or_default();
        *run = run.saturating_add(1);
        match &result.error {
            None => {
                *passed = passed.saturating_add(1);
                self.passed = self.passed.saturating_add(1);
            }
            Some(error) => self.failures.push(failure(script, result, error)),
        }
    }

    pub(crate) fn passed(&self) -> usize {
        self.passed
    }

    pub(crate) fn failed(&self) -> usize {
        self.failures.len()
    }

    /// Returns the results as text. A table has a row for each script and kind of handshake
    /// messages, a column for each suite, and "passed/run" in each cell. The failures and the
    /// totals follow the table.
    pub(crate) fn table(&self) -> String {
        let suites: BTreeSet<u32> = self.counts.values().flat_map(|row| row.keys().copied()).collect();
        let mut rows = vec![vec!["script".to_owned(), "handshakes".to_owned()]];
        if let Some(head) = rows.first_mut() {
            head.extend(suites.iter().map(|suite| format!("suite {suite}")));
        }
        for ((script, private), counts) in &self.counts {
            let mut row = vec![script.clone(), handshakes(*private).to_owned()];
            row.extend(suites.iter().map(|suite| match counts.get(suite) {
                Some((passed, run)) => format!("{passed}/{run}"),
                None => "-".to_owned(),
            }));
            rows.push(row);
        }
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
                // Writing to a `String` never fails.
                let _ = if column < 2 {
                    write!(line, "{cell:<width$}  ")
                } else {
                    write!(line, "{cell:>width$}  ")
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        for failure in &self.failures {
            text.push('\n');
            text.push_str(failure);
        }
        let _ = writeln!(text, "\n{} passed, {} failed", self.passed, self.failures.len());
        text
    }
}

/// Returns the text of a failure, with all the information that is needed to reproduce it.
fn failure(script: &Script, result: &ScriptResult, error: &str) -> String {
    let step = match (result.failed_step, &result.failed_step_json) {
        (Some(index), Some(json)) => format!("step {index} {json}"),
        _ => "after the last step".to_owned(),
    };
    let clients: BTreeSet<&String> = result.actors.values().collect();
    // With a single client, there is no need to show which client plays which actor.
    let actors = if clients.len() < 2 {
        String::new()
    } else {
        let actors: Vec<String> =
            result.actors.iter().map(|(actor, client)| format!("{actor} is {client}")).collect();
        format!("  {}\n", actors.join(", "))
    };
    format!(
        "FAILED {}, suite {}, {} handshakes, {step}\n  {error}\n{actors}",
        script.name,
        result.cipher_suite,
        handshakes(result.encrypt_handshake),
    )
}

fn handshakes(private: bool) -> &'static str {
    if private { "private" } else { "public" }
}
