//! The command `pando vectors verify`.

use super::VectorsError;
use super::files::{self, VectorFile};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use pando_crypto::CryptoProvider;
use pando_mls::CipherSuite;
use pando_vectors::{Kind, Report};
use serde_json::json;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The kind of the files, if their names do not show it
    #[arg(long)]
    kind: Option<Kind>,
    /// The cryptographic backend
    #[arg(long, value_enum, default_value_t)]
    crypto: Backend,
    /// Print a line of JSON for each file, and one for the total
    #[arg(long)]
    json: bool,
    /// Files, or folders to search for .json files
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// A cryptographic backend.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Backend {
    /// Pure Rust, all cipher suites
    #[default]
    #[value(name = "rustcrypto")]
    RustCrypto,
    /// AWS-LC, without the cipher suites of X448 and Ed448
    #[cfg(feature = "aws-lc")]
    AwsLc,
}

impl Backend {
    fn provider(self) -> &'static dyn CryptoProvider {
        match self {
            Self::RustCrypto => &pando_crypto::RustCrypto,
            #[cfg(feature = "aws-lc")]
            Self::AwsLc => &pando_crypto::AwsLc,
        }
    }
}

/// The number of cases in all files, grouped by result.
#[derive(Default)]
struct Total {
    passed: usize,
    failed: usize,
    skipped: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, VectorsError> {
    let files = files::find(&arguments.paths, arguments.kind)?;
    let mut out = io::stdout().lock();
    let mut total = Total::default();
    for file in &files {
        let report = verify(file, arguments.crypto)?;
        let printed =
            if arguments.json { json_line(&mut out, file, &report) } else { lines(&mut out, file, &report) };
        printed.map_err(VectorsError::Output)?;
        total.add(&report);
    }
    let Total { passed, failed, skipped } = total;
    let printed = if arguments.json {
        writeln!(out, "{}", json!({ "passed": passed, "failed": failed, "skipped": skipped }))
    } else {
        writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")
    };
    printed.map_err(VectorsError::Output)?;
    // An empty set of cases is not a success.
    let success = failed == 0 && passed > 0;
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verify(file: &VectorFile, backend: Backend) -> Result<Report, VectorsError> {
    let path = &file.path;
    let text = fs::read_to_string(path).map_err(|error| VectorsError::Io { path: path.clone(), error })?;
    // The progress bar is written to standard error, and only if that is a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_message(name(file));
    let report = pando_vectors::verify(file.kind, backend.provider(), &text, &mut |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    report.map_err(|error| VectorsError::Input { path: path.clone(), error })
}

fn name(file: &VectorFile) -> String {
    file.path.file_name().unwrap_or(file.path.as_os_str()).to_string_lossy().into_owned()
}

fn lines(out: &mut impl Write, file: &VectorFile, report: &Report) -> io::Result<()> {
    let Report { passed, failures, skipped, skipped_suites } = report;
    writeln!(out, "{}: {passed} passed, {} failed, {skipped} skipped", name(file), failures.len())?;
    for suite in skipped_suites {
        writeln!(out, "  skipped: {}", CipherSuite(*suite))?;
    }
    failures.iter().try_for_each(|failure| writeln!(out, "  {failure}"))
}

fn json_line(out: &mut impl Write, file: &VectorFile, report: &Report) -> io::Result<()> {
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| json!({ "case": failure.case, "field": failure.field, "reason": failure.reason }))
        .collect();
    let line = json!({
        "file": file.path.to_string_lossy(),
        "kind": file.kind.name(),
        "passed": report.passed,
        "failed": failures.len(),
        "skipped": report.skipped,
        "skipped_suites": report.skipped_suites,
        "failures": failures,
    });
    writeln!(out, "{line}")
}

impl Total {
    fn add(&mut self, report: &Report) {
        self.passed = self.passed.saturating_add(report.passed);
        self.failed = self.failed.saturating_add(report.failures.len());
        self.skipped = self.skipped.saturating_add(report.skipped);
    }
}
