//! The runs that are tests and make the tables.

use crate::count::Counts;
use crate::library;
use crate::run::Run;
use crate::trace::Divergence;
use std::io::Write;

/// Implementations whose members are in one group.
pub type Mix = &'static [&'static str];

/// Pando and each of the others.
pub const PAIRS: [Mix; 2] = [&["pando", "openmls"], &["pando", "mls-rs"]];
/// All of them.
pub const TRIPLE: Mix = &["pando", "openmls", "mls-rs"];
/// Those that have more cipher suites.
pub const AWS_LC: Mix = &["pando", "pando-awslc", "mls-rs-awslc"];

/// The cipher suites of the runs, as far as all implementations of a mix have them.
pub const SUITES: [u16; 5] = [1, 2, 3, 5, 7];
/// The runs of a mix with a suite and public or private handshakes: so many seeds...
pub const SEEDS: u64 = 4;
/// ... and so many epochs each.
pub const EPOCHS: u64 = 80;

/// The suites that a mix has.
#[must_use]
pub fn suites(mix: Mix) -> Vec<u16> {
    let has =
        |suite: &u16| mix.iter().all(|name| library::named(name).is_some_and(|library| library.has(*suite)));
    SUITES.into_iter().filter(has).collect()
}

/// All runs of a mix with a suite.
#[must_use]
pub fn runs(mix: Mix, suite: u16) -> Vec<Run> {
    let libraries: Vec<_> = mix.iter().map(|name| (*name).to_owned()).collect();
    let run = |seed, encrypt| {
        // No two runs have the same script.
        let seed = seed + if encrypt { SEEDS } else { 0 } + 1_000 * u64::from(suite);
        Run { seed, libraries: libraries.clone(), suite, encrypt, epochs: EPOCHS }
    };
    (0..SEEDS).flat_map(|seed| [run(seed, false), run(seed, true)]).collect()
}

/// Runs a mix with a suite, and says what it has counted.
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
        "{}, suite {suite}: {} seeds, {} epochs, {} messages and {} operations taken, no divergence\n",
        mix.join(" + "),
        runs.len(),
        counts.epochs,
        counts.messages,
        counts.operations.values().sum::<u64>()
    );
    // Written and not printed, so that tests show it, too. Nobody has to see it.
    let _ = std::io::stderr().write_all(line.as_bytes());
    Ok(counts)
}
