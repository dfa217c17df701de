//! The report: `benchmarks.md` and a plot for each operation that shows how a library grows.

pub mod floor;
pub mod format;
pub mod machine;
pub mod plots;
pub mod results;
pub mod tables;
pub mod targets;

use std::{error::Error, fmt::Write as _, fs, path::Path};

use machine::Machine;
use results::Results;

/// A group so large that it has a section of its own.
const HUGE: u64 = 1_000_000;

const COMMANDS: &str = "\
```sh
cargo run --release --manifest-path benches/peers/Cargo.toml --bin compare -- --date YYYY-MM-DD
```

measures all and writes this page; with `--quick` it takes a few minutes and leaves out what is large.
[benches/peers/README.md](../benches/peers/README.md) tells what each operation is, and how to measure a part.
";

/// Writes the report into a folder.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write(results: &Results, machine: &Machine, date: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let plots = folder.join("benchmarks");
    fs::create_dir_all(&plots)?;
    let mut drawn = Vec::new();
    for op in plots::PLOTS {
        let name = format!("{op}.svg");
        if plots::draw(results, op, &plots.join(&name))? {
            drawn.push((op, name));
        }
    }
    fs::write(folder.join("benchmarks.md"), page(results, machine, date, &drawn))?;
    Ok(())
}

/// The size of the first table: that of the targets, or the largest there is.
fn headline_size(results: &Results) -> Option<u64> {
    let sizes = results.sizes(None);
    sizes.get(&targets::SIZE).or_else(|| sizes.range(..HUGE).next_back()).copied()
}

fn page(results: &Results, machine: &Machine, date: &str, drawn: &[(&str, String)]) -> String {
    let Machine { cpu, cores, memory, rustc } = machine;
    let mut text = format!(
        "# Benchmarks\n\nPando, OpenMLS and mls-rs, measured in one run on one machine: {cpu}, {cores} cores, {memory} of \
         memory; {rustc}; {date}. Cipher suite 1, basic credentials with identities of 16 bytes, release builds with thin \
         LTO. Absolute times hold for that machine and day; what counts is the ratio in one run, and how the cost \
         grows. This page is generated.\n\n{COMMANDS}\n"
    );
    let mut section = |title: &str, about: &str, body: &str| {
        if !body.is_empty() {
            let _ = write!(text, "## {title}\n\n{about}\n\n{body}\n");
        }
    };
    if let Some(n) = headline_size(results) {
        let mut about = "\"fresh\": the tree after one commit that added everybody, all parents blank; \"warm\": every \
                         parent filled. In brackets, the bytes of the message. \"met\" tells the ratio of what was \
                         measured to the target; \"–\" is what was not measured, for the reason in the table of the \
                         operation. OpenMLS writes to its store with every operation. Pando's external commit comes after commits of the first leaf, so it is encrypted to fewer than the peers'."
            .to_owned();
        if n != targets::SIZE {
            let _ = write!(about, " The targets are for {} members.", format::count(targets::SIZE));
        }
        section(&format!("At {} members", format::count(n)), &about, &tables::headline(results, n, *cores));
        let about = "By the ratio of what was measured to the target, with RustCrypto and AWS-LC; and why.";
        section("Targets that are missed", about, &tables::missed(results, n, *cores));
    }
    let about = "The least that RFC 9420 asks for, made of the primitives as Pando's backends have them in the same run. \
                 Hashing, symmetric encryption and copying are not counted, so nothing can reach a floor quite.";
    let primitives = tables::primitives(results);
    if !primitives.is_empty() {
        section("The floor", about, &format!("{primitives}\n{}", floor::FORMULAS));
    }
    let about = "Pando and the fastest peer with the same kind of backend; below 1, Pando is ahead. What Pando processes comes \
                 with the rows that are to be stored, which the others make when they are told to store: in groups of up \
                 to 10, that is some microseconds, and what Pando is behind by where it is. What is spread over the cores, \
                 as is most of what 10 or 100 members get at once, varies by a half from run to run on cores that are \
                 virtual.";
    section("Small groups", about, &tables::small_groups(results));
    section("All cipher suites", "Pando with each suite.", &tables::suites(results));
    let about = "Beyond what we promise. Measured in a run of its own, by `large-group` of `pando-benches`.";
    section("At 1,000,000 members", about, &tables::of_size(results, HUGE));
    let images: Vec<_> = drawn.iter().map(|(op, name)| format!("![{op}](benchmarks/{name})\n")).collect();
    section("How it grows", "Both axes are logarithmic.", &images.join("\n"));
    let about =
        "\"growth\": the exponents between consecutive sizes; 0 is a constant, 1 linear, 2 quadratic.";
    section("Every operation", about, &tables::operations(results));
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine { cpu: "Some CPU".into(), cores: 2, memory: "24 GiB".into(), rustc: "rustc 1.95.0".into() }
    }

    #[test]
    fn the_headline_is_at_the_size_of_the_targets_or_the_largest() {
        let mut results = Results::default();
        assert_eq!(headline_size(&results), None);
        let line =
            |n| format!(r#"{{"impl":"pando","crypto":"aws-lc","op":"load_group","n":{n},"median_us":1.0}}"#);
        for (n, headline) in [(10, 10), (1_000_000, 10), (1_000, 1_000), (50_000, 50_000), (100_000, 50_000)]
        {
            results.read(&line(n));
            assert_eq!(headline_size(&results), Some(headline));
        }
        let page = page(&results, &machine(), "2026-01-01", &[]);
        assert!(page.contains("Some CPU, 2 cores, 24 GiB of memory; rustc 1.95.0; 2026-01-01."));
        assert!(page.contains("## At 1,000,000 members"));
        assert!(!page.contains("## The floor"));
    }

    #[test]
    fn a_page_without_results_has_the_commands() {
        let page = page(&Results::default(), &machine(), "2026-01-01", &[]);
        assert!(page.contains("--bin compare"));
        assert!(!page.contains("## At"));
    }
}
