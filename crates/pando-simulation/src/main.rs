//! Runs simulations: `cargo run --release -p pando-simulation -- --seeds 10000`.

use clap::Parser;
use pando_simulation::{Certificates, run_actions, run_seed, schedule, shrink};
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
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let certificates = Certificates::issue()?;
    let (mut faults, mut failed) = (BTreeMap::new(), 0_u64);
    let start = Instant::now();
    for seed in arguments.first..arguments.first.saturating_add(arguments.seeds) {
        let outcome = runtime.block_on(run_seed(&certificates, seed, arguments.actions));
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) if arguments.list => {
                println!("seed {seed} fails: {error}");
                continue;
            }
            Err(error) => return Err(format!("seed {seed}: {error}").into()),
        };
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
                actions = runtime.block_on(shrink(&certificates, seed, actions, violation.rule))?;
            }
            let outcome = runtime.block_on(run_actions(&certificates, seed, &actions))?;
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
