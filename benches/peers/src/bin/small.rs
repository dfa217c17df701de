//! Compares Pando with mls-rs in small groups, using the same kind of backend. The comparison
//! either alternates timed runs of the two libraries or counts instructions.

use std::error::Error;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pando_peers::{
    library::{
        Library,
        mls_rs::{MlsRsAwsLc, MlsRsRustCrypto},
        pando::{PandoAwsLc, PandoRustCrypto},
    },
    small::{
        Operation, Worlds,
        counts::{count, run},
        table::{Pair, median, table},
    },
};

/// Compares Pando with mls-rs in small groups, with one table for each backend.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Prints median times. Each operation is timed for Pando and mls-rs alternately.
    Times {
        #[command(flatten)]
        selection: Selection,
        /// The number of times that each operation is repeated.
        #[arg(long, default_value_t = 201)]
        runs: usize,
    },
    /// Prints medians of the numbers of instructions that callgrind counts.
    Counts {
        #[command(flatten)]
        selection: Selection,
        /// The number of times that each operation is repeated.
        #[arg(long, default_value_t = 5)]
        runs: usize,
    },
    /// Runs the operations of one library, for use with a profiler.
    Run {
        #[arg(long)]
        library: Implementation,
        #[command(flatten)]
        selection: Selection,
        /// The number of times that each operation is repeated.
        #[arg(long, default_value_t = 20)]
        runs: usize,
    },
}

#[derive(Args)]
struct Selection {
    /// The cryptographic backends.
    #[arg(long, value_delimiter = ',', default_value = "rustcrypto,aws-lc")]
    crypto: Vec<Crypto>,
    /// The group sizes, as numbers of members.
    #[arg(long, value_delimiter = ',', default_value = "2,10,100")]
    members: Vec<usize>,
    /// The operations to measure; by default, all operations.
    #[arg(long, value_delimiter = ',')]
    op: Vec<Operation>,
    /// Include writing to the store in memory in each operation.
    #[arg(long)]
    store: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Implementation {
    Pando,
    MlsRs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Crypto {
    Rustcrypto,
    AwsLc,
}

fn main() -> Result<(), Box<dyn Error>> {
    // Do all work on this thread, so that callgrind counts all of it.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()?;
    match Cli::parse().what {
        What::Times { selection, runs } => selection.tables("us", |crypto, members, operations| {
            let stores = selection.store;
            Ok(match crypto {
                Crypto::Rustcrypto => {
                    times::<PandoRustCrypto, MlsRsRustCrypto>(members, stores, operations, runs)
                }
                Crypto::AwsLc => times::<PandoAwsLc, MlsRsAwsLc>(members, stores, operations, runs),
            })
        })?,
        What::Counts { selection, runs } => selection.tables("k", |crypto, members, operations| {
            let counts = |library| counts(library, crypto, members, selection.store, operations, runs);
            let (pando, mls_rs) = (counts(Implementation::Pando)?, counts(Implementation::MlsRs)?);
            Ok(pando.into_iter().zip(mls_rs).map(|(pando, mls_rs)| Pair { pando, mls_rs }).collect())
        })?,
        What::Run { library, selection, runs } => {
            let (operations, stores) = (selection.operations(), selection.store);
            for crypto in &selection.crypto {
                let run = match (library, crypto) {
                    (Implementation::Pando, Crypto::Rustcrypto) => run::<PandoRustCrypto>,
                    (Implementation::Pando, Crypto::AwsLc) => run::<PandoAwsLc>,
                    (Implementation::MlsRs, Crypto::Rustcrypto) => run::<MlsRsRustCrypto>,
                    (Implementation::MlsRs, Crypto::AwsLc) => run::<MlsRsAwsLc>,
                };
                for members in &selection.members {
                    run(*members, stores, &operations, runs);
                }
            }
        }
    }
    Ok(())
}

impl Selection {
    fn operations(&self) -> Vec<Operation> {
        if self.op.is_empty() { Operation::value_variants().to_vec() } else { self.op.clone() }
    }

    /// Prints a table for each backend.
    fn tables(
        &self,
        unit: &str,
        mut measure: impl FnMut(Crypto, usize, &[Operation]) -> Result<Vec<Pair>, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let operations = self.operations();
        for crypto in &self.crypto {
            let mut rows: Vec<_> = operations.iter().map(|operation| (*operation, Vec::new())).collect();
            for members in &self.members {
                let pairs = measure(*crypto, *members, &operations)?;
                rows.iter_mut().zip(pairs).for_each(|((_, row), pair)| row.push(pair));
            }
            println!("{}:\n\n{}", value_name(*crypto), table(unit, &self.members, &rows));
        }
        Ok(())
    }
}

/// Times both libraries alternately. Returns the times in microseconds.
fn times<P: Library, M: Library>(
    members: usize,
    stores: bool,
    operations: &[Operation],
    runs: usize,
) -> Vec<Pair> {
    let (mut pando, mut mls_rs) = (Worlds::<P>::new(members, stores), Worlds::<M>::new(members, stores));
    let pairs = operations.iter().map(|operation| {
        let times = (0..runs).map(|_| {
            let (pando, mls_rs) = (pando.run(*operation), mls_rs.run(*operation));
            (pando.as_secs_f64() * 1e6, mls_rs.as_secs_f64() * 1e6)
        });
        let (pando, mls_rs) = times.unzip();
        Pair { pando: median(pando), mls_rs: median(mls_rs) }
    });
    pairs.collect()
}

/// Counts the instructions of one library, in thousands.
fn counts(
    library: Implementation,
    crypto: Crypto,
    members: usize,
    stores: bool,
    operations: &[Operation],
    runs: usize,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let names: Vec<_> = operations.iter().map(|operation| value_name(*operation)).collect();
    let mut arguments = ["run", "--library", &value_name(library), "--crypto", &value_name(crypto)]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(["--members".into(), members.to_string(), "--runs".into(), runs.to_string()]);
    arguments.extend(["--op".into(), names.join(",")]);
    arguments.extend(stores.then(|| "--store".into()));
    let counts = count(&arguments)?;
    if counts.len() != operations.len() * runs {
        return Err(format!("{} counts of {} operations", counts.len(), operations.len()).into());
    }
    let thousands = |counts: &[u64]| counts.iter().map(|count| *count as f64 / 1e3).collect();
    Ok(counts.chunks(runs).map(|counts| median(thousands(counts))).collect())
}

fn value_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
