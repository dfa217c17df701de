//! Series of measurements, and the output of their results.

use indicatif::{ProgressBar, ProgressStyle};
use pando_benches::Crypto;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Total time after which an operation is no longer repeated.
const BUDGET: Duration = Duration::from_secs(10);
/// The limits for repeating fast operations more often than requested: the maximum factor and the
/// maximum total time.
const CHEAP: (usize, Duration) = (40, Duration::from_millis(100));

/// A line of results.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "impl")]
    implementation: &'static str,
    crypto: &'a str,
    suite: u16,
    op: &'a str,
    n: u32,
    median_us: Option<f64>,
    min_us: Option<f64>,
    max_us: Option<f64>,
    runs: usize,
    bytes: Option<usize>,
    note: &'a str,
}

/// The selected operations and the settings for their output.
pub(crate) struct Session {
    pub(crate) crypto: Crypto,
    pub(crate) crypto_name: String,
    pub(crate) runs: usize,
    /// Whether changes are stored durably on the disk before an operation ends.
    pub(crate) durable: bool,
    pub(crate) wanted: BTreeSet<&'static str>,
    pub(crate) json: bool,
    pub(crate) progress: ProgressBar,
}

impl Session {
    pub(crate) fn wants(&self, ops: &[&str]) -> bool {
        ops.iter().any(|op| self.wanted.contains(op))
    }

    /// Shows the current operation if standard error is a terminal.
    pub(crate) fn doing(&self, n: u32, what: &str) {
        self.progress.set_message(format!("{n}: {what}"));
    }

    /// Prints the results of the selected operations.
    pub(crate) fn report<'a>(&self, n: u32, all: impl IntoIterator<Item = &'a Series>) {
        for series in all {
            if self.wants(&[series.op]) && (series.bytes.is_some() || !series.times.is_empty()) {
                self.progress.suspend(|| self.print(n, series));
            }
        }
    }

    fn print(&self, n: u32, series: &Series) {
        let mut times: Vec<_> = series.times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied();
        let line = Line {
            implementation: "pando",
            crypto: &self.crypto_name,
            suite: self.crypto.suite.cipher_suite().0,
            op: series.op,
            n,
            median_us: median,
            min_us: times.first().copied(),
            max_us: times.last().copied(),
            runs: times.len().max(1),
            bytes: series.bytes,
            note: &series.note,
        };
        if self.json {
            println!("{}", serde_json::to_string(&line).unwrap());
        } else {
            let (median, min, max) = (micros(median), micros(line.min_us), micros(line.max_us));
            let bytes = series.bytes.map(|bytes| format!("{bytes} B")).unwrap_or_default();
            let (op, runs) = (series.op, line.runs);
            println!(
                "{n:>8} {op:<40} {median:>14} [{min:>14} {max:>14}] {runs:>4} {bytes:>13} {}",
                line.note
            );
        }
    }
}

fn micros(time: Option<f64>) -> String {
    time.map(|time| format!("{time:.1} us")).unwrap_or_default()
}

/// Returns a spinner that is visible only on a terminal.
pub(crate) fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}").unwrap();
    let progress = ProgressBar::new_spinner().with_style(style);
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

/// The measurements of one operation.
pub(crate) struct Series {
    op: &'static str,
    times: Vec<Duration>,
    bytes: Option<usize>,
    note: String,
}

impl Series {
    pub(crate) const fn new(op: &'static str) -> Self {
        Self { op, times: Vec::new(), bytes: None, note: String::new() }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Returns whether the operation should be measured once more.
    pub(crate) fn goes_on(&self, session: &Session) -> bool {
        let (runs, spent) = (self.times.len(), self.times.iter().sum::<Duration>());
        let (times, time) = CHEAP;
        (runs < session.runs && spent < BUDGET) || (runs < session.runs * times && spent < time)
    }

    pub(crate) const fn runs(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn push(&mut self, time: Duration) {
        self.times.push(time);
    }

    pub(crate) fn bytes(&mut self, bytes: usize) {
        self.bytes = Some(bytes);
    }

    /// Measures one run. Dropping the result is not part of the measurement.
    pub(crate) fn time<T>(&mut self, does: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = does();
        self.push(start.elapsed());
        result
    }

    /// Measures runs in batches of 16, for operations that are so short that reading the clock
    /// would distort the result.
    pub(crate) fn repeat<T>(mut self, session: &Session, mut does: impl FnMut() -> T) -> Self {
        while self.goes_on(session) {
            let start = Instant::now();
            for _ in 0..16 {
                std::hint::black_box(does());
            }
            self.push(start.elapsed() / 16);
        }
        self
    }
}
