//! Runs simulations: `cargo run --release -p pando-simulation -- --seeds 10000`.

use clap::Parser;
use pando_simulation::{Certificates, Mistake, run_actions, run_seed, schedule, shrink};
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

/// Runs simulations of clients and a delivery service.
#[derive(Parser)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The number of seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The number of actions of each simulation.
    #[arg(long, default_value_t = 600)]
    actions: usize,
    /// List the failing seeds, and do not stop at the first one.
    #[arg(long)]
    list: bool,
    /// Print the story of the first failing seed without shrinking its schedule.
    #[arg(long)]
    whole: bool,
    /// Let the engine make each of its mistakes in turn, and print the seed that finds it.
    #[arg(long)]
    mistakes: bool,
    /// With `--mistakes`: the names of the mistakes. Default: all.
    #[arg(long)]
    only: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let certificates = Certificates::issue()?;
    if arguments.mistakes {
        return find_mistakes(&runtime, &certificates, &arguments);
    }
    let (mut faults, mut failed) = (BTreeMap::new(), 0_u64);
    let start = Instant::now();
    for seed in arguments.first..arguments.first.saturating_add(arguments.seeds) {
        let outcome = runtime.block_on(run_seed(&certificates, seed, arguments.actions, None))?;
        for (fault, count) in outcome.faults {
            let sum: &mut u64 = faults.entry(fault).or_default();
            *sum = sum.saturating_add(count);
        }
        if let Some(violation) = outcome.violations.first() {
            failed = failed.saturating_add(1);
            if arguments.list {
                println!("seed {seed} violates {}: {}", violation.rule, violation.what);
                continue;
            }
            println!("seed {seed} violates {}: {}", violation.rule, violation.what);
            let mut actions = schedule(seed, arguments.actions);
            if !arguments.whole {
                actions = runtime.block_on(shrink(&certificates, seed, actions, violation.rule, None))?;
            }
            let outcome = runtime.block_on(run_actions(&certificates, seed, &actions, None))?;
            println!("{} actions are enough:", actions.len());
            for line in outcome.story {
                println!("  {line}");
            }
            for violation in outcome.violations {
                println!("{}: {}", violation.rule, violation.what);
            }
            return Err(format!("seed {seed} violates an invariant").into());
        }
    }
    println!("{} seeds, {failed} with a violation, in {:.0?}", arguments.seeds, start.elapsed());
    for (fault, count) in faults {
        println!("{fault:?}: {count}");
    }
    Ok(())
}

/// Prints a table of the mistakes, and fails if one of them is not found.
fn find_mistakes(
    runtime: &tokio::runtime::Runtime,
    certificates: &Certificates,
    arguments: &Arguments,
) -> Result<(), Box<dyn Error>> {
    let mut missed = 0_u64;
    println!("| mistake | seed | rule | actions |\n|---|---|---|---|");
    let is_wanted = |mistake: &Mistake| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| *name == format!("{mistake:?}"))
    };
    for mistake in Mistake::ALL.into_iter().filter(is_wanted) {
        let mut found = None;
        for seed in arguments.first..arguments.first.saturating_add(arguments.seeds) {
            let run = run_seed(certificates, seed, arguments.actions, Some(mistake));
            if let Some(violation) = runtime.block_on(run)?.violations.into_iter().next() {
                found = Some((seed, violation.rule));
                break;
            }
        }
        let Some((seed, rule)) = found else {
            missed = missed.saturating_add(1);
            println!("| `{mistake:?}` | none | | |");
            continue;
        };
        let mut actions = schedule(seed, arguments.actions);
        if !arguments.whole {
            actions = runtime.block_on(shrink(certificates, seed, actions, rule, Some(mistake)))?;
        }
        println!("| `{mistake:?}` | {seed} | {rule} | {} |", actions.len());
    }
    if missed > 0 { Err(format!("{missed} mistakes were not found").into()) } else { Ok(()) }
}
