//! The report, which consists of `benchmarks.md` and plots that show how selected operations grow
//! with the group size.

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

/// The group size whose measurements have a section of their own, because it is so large.
const HUGE: u64 = 1_000_000;

const COMMANDS: &str = "\
```sh
cargo run --release --manifest-path benches/peers/Cargo.toml --bin compare -- --date YYYY-MM-DD
```

measures everything and writes this page. With `--quick` it takes a few minutes and leaves out large groups.
[benches/peers/README.md](../benches/peers/README.md) explains each operation, and how to measure a part.
";

/// Writes the report into a folder.
///
/// # Errors
///
/// Returns an error if a file cannot be written.
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

/// Returns the group size of the first table: the size for which the targets are defined, or
/// otherwise the largest measured size.
fn headline_size(results: &Results) -> Option<u64> {
    let sizes = results.sizes(None);
    sizes.get(&targets::SIZE).or_else(|| sizes.range(..HUGE).next_back()).copied()
}

fn page(results: &Results, machine: &Machine, date: &str, drawn: &[(&str, String)]) -> String {
    let Machine { cpu, cores, memory, rustc } = machine;
    let mut text = format!(
        "# Benchmarks\n\nPando, OpenMLS and mls-rs were measured in one run on one machine: {cpu}, {cores} cores, {memory} of \
         memory; {rustc}; {date}. Cipher suite 1, basic credentials with identities of 16 bytes, release builds with thin \
         LTO. Absolute times hold for that machine and day. The ratios within one run and the growth of \
         costs are more general. This page is generated.\n\n{COMMANDS}\n"
    );
    let mut section = |title: &str, about: &str, body: &str| {
        if !body.is_empty() {
            let _ = write!(text, "## {title}\n\n{about}\n\n{body}\n");
        }
    };
    if let Some(n) = headline_size(results) {
        let mut about = "A \"fresh\" tree has only blank parents, after one commit that added all members. \
                         A \"warm\" tree has no blank parents. Brackets give the size of the message. \
                         \"met\" gives the ratio of the measured value to the target. \"–\" means not \
                         measured; the table of the operation gives the reason. OpenMLS writes to its \
                         store with every operation. Pando's external commit follows commits of the first \
                         leaf, so it is encrypted to fewer nodes than the peers' external commits."
            .to_owned();
        if n != targets::SIZE {
            let _ = write!(about, " The targets are for {} members.", format::count(targets::SIZE));
        }
        section(&format!("At {} members", format::count(n)), &about, &tables::headline(results, n, *cores));
        let about = "The ratios of the measured value to the target, with RustCrypto and AWS-LC, and the \
            reason for each.";
        section("Missed targets", about, &tables::missed(results, n, *cores));
    }
    let about = "The floor is the minimal cost of the asymmetric primitives that RFC 9420 requires, at the \
                 speeds of Pando's backends in the same run. Hashing, symmetric encryption and copying are \
                 not counted, so no implementation can quite reach a floor.";
    let primitives = tables::primitives(results);
    if !primitives.is_empty() {
        section("The floor", about, &format!("{primitives}\n{}", floor::FORMULAS));
    }
    let about = "The table compares Pando with the fastest peer that has the same kind of backend; below \
                 1, Pando is faster. Pando's times include making the rows to store, which the peers make \
                 only on request. In groups of up to 10, this takes some microseconds, \
                 and explains the cases where Pando is slower. Work that is spread over several cores, \
                 which is most work for 10 or 100 members at once, varies by a half from run to run on \
                 virtual cores. [small-groups.md](small-groups.md) compares every operation on one \
                 thread, and explains each ratio above 1.";
    section("Small groups", about, &tables::small_groups(results));
    section("All cipher suites", "The table shows Pando with each suite.", &tables::suites(results));
    let about = "This size is beyond our targets. It was measured in a separate run, by `large-group` of \
        `pando-benches`.";
    section("At 1,000,000 members", about, &tables::of_size(results, HUGE));
    let images: Vec<_> = drawn.iter().map(|(op, name)| format!("![{op}](benchmarks/{name})\n")).collect();
    section("How it grows", "Both axes are logarithmic.", &images.join("\n"));
    let about =
        "\"growth\" gives the exponents between consecutive sizes: 0 is constant, 1 linear, 2 quadratic.";
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
