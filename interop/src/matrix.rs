//! The runs of the tests, which also give the tables.

use crate::count::Counts;
use crate::library;
use crate::run::Run;
use crate::trace::Divergence;
use std::io::Write;

/// The implementations of the members of one group.
pub type Mix = &'static [&'static str];

/// Pando with each peer.
pub const PAIRS: [Mix; 2] = [&["pando", "openmls"], &["pando", "mls-rs"]];
/// All of them.
pub const TRIPLE: Mix = &["pando", "openmls", "mls-rs"];
/// The implementations that support more cipher suites.
pub const AWS_LC: Mix = &["pando", "pando-awslc", "mls-rs-awslc"];

/// The cipher suites of the runs. A mix uses the suites that all its implementations support.
pub const SUITES: [u16; 5] = [1, 2, 3, 5, 7];
/// Number of seeds for each mix, suite and kind of handshakes.
pub const SEEDS: u64 = 4;
/// Number of epochs of each run.
pub const EPOCHS: u64 = 80;

/// Returns the suites of a mix.
#[must_use]
pub fn suites(mix: Mix) -> Vec<u16> {
    let has =
        |suite: &u16| mix.iter().all(|name| library::named(name).is_some_and(|library| library.has(*suite)));
    SUITES.into_iter().filter(has).collect()
}

/// Returns all runs of a mix with a suite.
#[must_use]
pub fn runs(mix: Mix, suite: u16) -> Vec<Run> {
    let libraries: Vec<_> = mix.iter().map(|name| (*name).to_owned()).collect();
    let run = |seed, encrypt| {
        // Each run has a different script.
        let seed = seed + if encrypt { SEEDS } else { 0 } + 1_000 * u64::from(suite);
        Run { seed, libraries: libraries.clone(), suite, encrypt, epochs: EPOCHS }
    };
    (0..SEEDS).flat_map(|seed| [run(seed, false), run(seed, true)]).collect()
}

/// Runs a mix with a suite, prints a summary, and returns the counts.
///
/// # Errors
/// The first [`Divergence`].
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
    // Tests show written text, but not printed text. A failure to write is ignored.
    let _ = std::io::stderr().write_all(line.as_bytes());
    Ok(counts)
}
