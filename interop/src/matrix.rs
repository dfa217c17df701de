//! The runs of the tests, whose results also fill the tables.

use crate::count::Counts;
use crate::library;
use crate::run::Run;
use crate::trace::Divergence;
use std::io::Write;

/// The implementations that the members of a group use.
pub type Mix = &'static [&'static str];

/// Pando combined with each of the other libraries.
pub const PAIRS: [Mix; 2] = [&["pando", "openmls"], &["pando", "mls-rs"]];
/// All three libraries in one group.
pub const TRIPLE: Mix = &["pando", "openmls", "mls-rs"];
/// The implementations that support additional cipher suites.
pub const AWS_LC: Mix = &["pando", "pando-awslc", "mls-rs-awslc"];

/// The cipher suites of the runs. Each mix uses those suites that all its implementations support.
pub const SUITES: [u16; 5] = [1, 2, 3, 5, 7];
/// Number of seeds for each combination of a mix, a cipher suite and a kind of handshake messages.
pub const SEEDS: u64 = 4;
/// Number of epochs in each run.
pub const EPOCHS: u64 = 80;

/// Returns the cipher suites that a mix supports.
#[must_use]
pub fn suites(mix: Mix) -> Vec<u16> {
    let has =
        |suite: &u16| mix.iter().all(|name| library::named(name).is_some_and(|library| library.has(*suite)));
    SUITES.into_iter().filter(has).collect()
}

/// Returns all runs of a mix with the given cipher suite.
#[must_use]
pub fn runs(mix: Mix, suite: u16) -> Vec<Run> {
    let libraries: Vec<_> = mix.iter().map(|name| (*name).to_owned()).collect();
    let run = |seed, encrypt| {
        // Choose a different seed for each run, so that each run has a different script.
        let seed = seed + if encrypt { SEEDS } else { 0 } + 1_000 * u64::from(suite);
        Run { seed, libraries: libraries.clone(), suite, encrypt, epochs: EPOCHS }
    };
    (0..SEEDS).flat_map(|seed| [run(seed, false), run(seed, true)]).collect()
}

/// Executes all runs of a mix with the given cipher suite. Prints a summary and returns the counts.
///
/// # Errors
/// Returns the first [`Divergence`] that occurs.
pub fn run(mix: Mix, suite: u16) -> Result<Counts, Box<Divergence>> {
    let mut counts = Counts::default();
    let runs = runs(mix, suite);
    for run in &runs {
        counts.add(&run.run()?);
    }
    let line = format!(
        "{}, suite {suite}: {} seeds, {} epochs, {} messages and {} operations processed, no divergence\n",
        mix.join(" + "),
        runs.len(),
        counts.epochs,
        counts.messages,
        counts.operations.values().sum::<u64>()
    );
    // The test harness shows written text, but captures printed text. A failure to write is
    // ignored.
    let _ = std::io::stderr().write_all(line.as_bytes());
    Ok(counts)
}
