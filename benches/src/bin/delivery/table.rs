//! The table of the results.

use std::time::Duration;

/// Durations of the same operation.
#[derive(Debug, Default)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// Returns the durations of both.
    pub(crate) fn and(mut self, mut others: Self) -> Self {
        self.0.append(&mut others.0);
        self
    }

    /// Returns the duration that `percent` of the durations do not exceed.
    fn percentile(&mut self, percent: usize) -> Duration {
        self.0.sort_unstable();
        let rank = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(rank).copied().unwrap_or_default()
    }

    /// Returns the median, the 99th percentile, the maximum and the number.
    pub(crate) fn cell(&mut self) -> String {
        let [median, p99, max] = [50, 99, 100].map(|percent| time(self.percentile(percent)));
        format!("median {median}, p99 {p99}, maximum {max} of {}", self.0.len())
    }
}

/// Returns a duration with three digits.
pub(crate) fn time(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        0.0..1e3 => format!("{micros:.0} us"),
        1e3..1e4 => format!("{:.2} ms", micros / 1e3),
        1e4..1e5 => format!("{:.1} ms", micros / 1e3),
        1e5..1e6 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// Returns a number of bytes in decimal units.
#[allow(clippy::cast_precision_loss, reason = "three digits are printed")]
pub(crate) fn kilobytes(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.2} kB", bytes as f64 / 1e3),
        _ => format!("{:.2} MB", bytes as f64 / 1e6),
    }
}

/// A table in Markdown.
pub(crate) struct Table(String);

impl Table {
    /// Returns a table with the results of a small and of a large group.
    pub(crate) fn new(small: u32, large: u32) -> Self {
        Self(format!("| figure | {small} members | {large} members |\n|---|---|---|\n"))
    }

    pub(crate) fn row(&mut self, figure: &str, small: &str, large: &str) {
        self.0.push_str(&format!("| {figure} | {small} | {large} |\n"));
    }

    pub(crate) fn print(&self) {
        print!("{}", self.0);
    }
}
