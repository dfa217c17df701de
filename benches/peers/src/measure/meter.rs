//! Repeats an operation, and prints the measured times.

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use super::Settings;
use crate::line::Line;

/// The prefix of a line that announces a step to the parent process. Such a line is printed before
/// each step that may take long.
pub(super) const STEP: &str = "step ";

/// If a run is shorter than this, the operation is repeated four times as often.
const SHORT: Duration = Duration::from_millis(20);

/// A meter that measures the operations of one scenario and prints their lines.
pub(super) struct Meter {
    settings: Settings,
    announced: Option<Instant>,
}

/// The results of repeated runs of some operations.
pub(super) struct Samples<'a> {
    meter: &'a mut Meter,
    times: BTreeMap<&'static str, Vec<f64>>,
    bytes: BTreeMap<&'static str, u64>,
    notes: BTreeMap<&'static str, String>,
}

impl Meter {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), announced: None }
    }

    /// Announces a step to the parent process.
    pub(super) fn step(&mut self, what: &str) {
        println!("{STEP}{what}");
        self.announced = Some(Instant::now());
    }

    /// Announces the current step if nothing was announced for half a second.
    fn alive(&mut self, what: &str) {
        if self.announced.is_none_or(|at| at.elapsed() > Duration::from_millis(500)) {
            self.step(what);
        }
    }

    fn wanted(&self, op: &str) -> bool {
        self.settings.ops.is_empty() || self.settings.ops.iter().any(|wanted| wanted == op)
    }

    /// Runs a function that measures some operations as often as the settings allow, and prints a
    /// line for each operation. Does nothing if none of the operations is selected.
    pub(super) fn repeat(&mut self, ops: &[&'static str], mut run: impl FnMut(&mut Samples)) {
        if !ops.iter().any(|op| self.wanted(op)) {
            return;
        }
        self.step(ops.first().unwrap());
        let (budget, runs) = (self.settings.budget, self.settings.runs);
        let mut samples =
            Samples { meter: self, times: BTreeMap::new(), bytes: BTreeMap::new(), notes: BTreeMap::new() };
        let start = Instant::now();
        run(&mut samples);
        let first = start.elapsed();
        let runs = if first < SHORT { runs * 4 } else { runs };
        for _ in 1..runs {
            if start.elapsed() + first > budget / 3 {
                break;
            }
            run(&mut samples);
        }
        let Samples { times, mut bytes, mut notes, .. } = samples;
        for op in ops {
            let times = times.get(op).map_or(&[][..], Vec::as_slice);
            let (bytes, note) = (bytes.remove(op), notes.remove(op));
            self.print(op, times, bytes, note);
        }
    }

    /// Prints a line that contains a size but no times.
    pub(super) fn bytes(&mut self, op: &'static str, bytes: u64) {
        self.print(op, &[], Some(bytes), None);
    }

    /// Prints a line without figures for each of the operations, with the reason why they were left
    /// out.
    pub(super) fn left_out(&mut self, ops: &[&'static str], why: &str) {
        for op in ops {
            self.print(op, &[], None, Some(why.into()));
        }
    }

    fn print(&self, op: &str, times: &[f64], bytes: Option<u64>, note: Option<String>) {
        let Settings { implementation, crypto, size, .. } = &self.settings;
        let line = Line { bytes, note, ..Line::new(implementation, crypto, op, *size as u64, times) };
        if self.wanted(op) && (line.is_measured() || line.note.is_some()) {
            println!("{}", serde_json::to_string(&line).unwrap());
        }
    }
}

impl Samples<'_> {
    /// Measures one run of an operation. The result is returned, so that dropping it is not
    /// measured.
    pub(super) fn time<T>(&mut self, op: &'static str, run: impl FnOnce() -> T) -> T {
        self.meter.alive(op);
        let start = Instant::now();
        let result = black_box(run());
        let time = start.elapsed();
        self.times.entry(op).or_default().push(time.as_secs_f64() * 1e6);
        result
    }

    /// Records the size that belongs to an operation.
    pub(super) fn bytes(&mut self, op: &'static str, bytes: usize) {
        self.bytes.insert(op, bytes as u64);
    }

    /// Records a remark about an operation for the reader.
    pub(super) fn note(&mut self, op: &'static str, note: impl Into<String>) {
        self.notes.insert(op, note.into());
    }

    /// Announces a step that is not measured, if nothing was announced for half a second.
    pub(super) fn alive(&mut self, what: &str) {
        self.meter.alive(what);
    }
}
