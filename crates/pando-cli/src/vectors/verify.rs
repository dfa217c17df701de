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
    /// AWS-LC, without the cipher suites of X448 and Ed448. Needs the feature aws-lc
    AwsLc,
}

impl Backend {
    fn provider(self) -> Result<&'static dyn CryptoProvider, VectorsError> {
        match self {
            Self::RustCrypto => Ok(&pando_crypto::RustCrypto),
            #[cfg(feature = "aws-lc")]
            Self::AwsLc => Ok(&pando_crypto::AwsLc),
            #[cfg(not(feature = "aws-lc"))]
            Self::AwsLc => Err(VectorsError::WithoutAwsLc),
        }
    }
}

/// The number of cases in all files, grouped by result, and the number of files.
#[derive(Default)]
struct Total {
    passed: usize,
    failed: usize,
    skipped: usize,
    /// Number of verified files.
    files: usize,
    /// Number of files and folders that could not be used.
    unusable: usize,
}

/// Verifies all files. A file that cannot be used is reported, and the others are still verified.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, VectorsError> {
    let provider = arguments.crypto.provider()?;
    let mut out = io::stdout().lock();
    let mut total = Total::default();
    for file in files::find(&arguments.paths, arguments.kind) {
        match file.and_then(|file| Ok((verify(&file, provider)?, file))) {
            Ok((report, file)) => {
                let printed = if arguments.json {
                    json_line(&mut out, &file, &report)
                } else {
                    lines(&mut out, &file, &report)
                };
                printed.map_err(VectorsError::Output)?;
                total.add(&report);
            }
            Err(error) => {
                crate::complain(&error);
                total.unusable = total.unusable.saturating_add(1);
            }
        }
    }
    let printed = if arguments.json { total.json_line(&mut out) } else { total.line(&mut out) };
    printed.map_err(VectorsError::Output)?;
    if total.unusable > 0 {
        return Ok(ExitCode::from(2));
    }
    // An empty set of cases is not a success.
    if total.failed == 0 && total.passed == 0 {
        crate::complain(&total.nothing(arguments));
    }
    let success = total.failed == 0 && total.passed > 0;
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verify(file: &VectorFile, provider: &'static dyn CryptoProvider) -> Result<Report, VectorsError> {
    let path = &file.path;
    let text = fs::read_to_string(path).map_err(|error| VectorsError::Io { path: path.clone(), error })?;
    // The progress bar is written to standard error, and only if that is a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_message(name(file));
    let report = pando_vectors::verify(file.kind, provider, &text, &mut |done, of| {
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
        self.files = self.files.saturating_add(1);
    }

    fn line(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { passed, failed, skipped, unusable, .. } = self;
        write!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
        if *unusable > 0 {
            write!(out, ", {unusable} unusable")?;
        }
        writeln!(out)
    }

    fn json_line(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { passed, failed, skipped, unusable, .. } = self;
        let line = json!({ "passed": passed, "failed": failed, "skipped": skipped, "unusable": unusable });
        writeln!(out, "{line}")
    }

    /// Returns the reason why no case has passed or failed.
    fn nothing(&self, arguments: &Arguments) -> String {
        if self.skipped > 0 {
            return "nothing was verified, because the backend has none of the cipher suites".to_owned();
        }
        if self.files > 0 {
            return "nothing was verified, because the files contain no cases".to_owned();
        }
        // Each path is a folder, because a file would have been counted.
        let paths: Vec<_> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
        let paths = paths.join(", ");
        match arguments.kind {
            None => format!("{paths}: nothing was verified, because no file has the extension .json"),
            Some(kind) => {
                format!("{paths}: nothing was verified, because no .json file is of the kind {kind}")
            }
        }
    }
}
