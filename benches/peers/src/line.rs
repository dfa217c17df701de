//! The format in which all programs print a measurement, which is one line of JSON.

use serde::{Deserialize, Serialize};

/// A measurement. Times are in microseconds, and sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The library, which is `pando`, `openmls` or `mls-rs`.
    #[serde(rename = "impl")]
    pub implementation: String,
    /// The cryptographic backend, which is `rustcrypto` or `aws-lc`.
    pub crypto: String,
    /// The name of the operation.
    pub op: String,
    /// The number of members of the group.
    pub n: u64,
    /// The median of the times. The median is absent if only bytes were measured or if the
    /// operation was left out.
    pub median_us: Option<f64>,
    /// The time of the fastest run.
    #[serde(default)]
    pub min_us: Option<f64>,
    /// The time of the slowest run.
    #[serde(default)]
    pub max_us: Option<f64>,
    /// The number of runs.
    #[serde(default)]
    pub runs: u64,
    /// The size of the message that was created or read, of the stored state, or of the heap.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// A remark for the reader, or the reason why the line has no figures.
    #[serde(default)]
    pub note: Option<String>,
    /// The number of the cipher suite.
    #[serde(default = "first_suite", skip_serializing_if = "is_first_suite")]
    pub suite: u16,
}

fn first_suite() -> u16 {
    1
}

fn is_first_suite(suite: &u16) -> bool {
    *suite == 1
}

impl Line {
    /// Creates a line from times in microseconds, which may be in any order. Without times, the
    /// line has no figures.
    #[must_use]
    pub fn new(implementation: &str, crypto: &str, op: &str, n: u64, times: &[f64]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            implementation: implementation.into(),
            crypto: crypto.into(),
            op: op.into(),
            n,
            median_us: median(&sorted).map(rounded),
            min_us: sorted.first().copied().map(rounded),
            max_us: sorted.last().copied().map(rounded),
            runs: sorted.len() as u64,
            bytes: None,
            note: None,
            suite: 1,
        }
    }

    /// Returns whether the line contains any figures.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.median_us.is_some() || self.bytes.is_some()
    }
}

/// Returns the median of sorted values, which is the middle value or the mean of the two middle
/// values.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some((lower + upper) / 2.0)
}

/// Rounds a time in microseconds to whole nanoseconds.
fn rounded(microseconds: f64) -> f64 {
    (microseconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 4.0]), Some(2.5));
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
        let line = Line::new("pando", "aws-lc", "x", 2, &[9.0, 1.0, 2.0]);
        assert_eq!(
            (line.median_us, line.min_us, line.max_us, line.runs),
            (Some(2.0), Some(1.0), Some(9.0), 3)
        );
        assert!(!Line::new("pando", "aws-lc", "x", 2, &[]).is_measured());
    }

    #[test]
    fn json_has_the_names_that_all_use() {
        let line = Line::new("openmls", "rustcrypto", "join_welcome_oob", 10, &[1.5]);
        let json = serde_json::to_string(&line).unwrap();
        assert_eq!(
            json,
            r#"{"impl":"openmls","crypto":"rustcrypto","op":"join_welcome_oob","n":10,"median_us":1.5,"min_us":1.5,"#
                .to_owned()
                + r#""max_us":1.5,"runs":1,"bytes":null,"note":null}"#
        );
        assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), line);
    }

    #[test]
    fn what_is_not_needed_may_be_left_out() {
        let json = r#"{"impl":"pando","crypto":"aws-lc","op":"state_size","n":2,"median_us":null,"suite":7}"#;
        let line: Line = serde_json::from_str(json).unwrap();
        assert_eq!((line.suite, line.bytes, line.runs), (7, None, 0));
    }
}
