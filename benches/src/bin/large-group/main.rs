//! Measures the time and size of all operations of Pando in groups of any size, through its public
//! interface.
//!
//! The output consists of one line per operation, which is a JSON object if `--json` is given. The
//! names of the operations are those that the programs for other implementations use, so that
//! results can be compared. `ops.rs` and `--help` describe the operations. All operations have the
//! following in common:
//!
//! - Messages are bytes: *making* a Commit ends with encoding it, and *processing* a Commit begins
//!   with decoding it and ends in the new epoch. Handshake messages are PublicMessages without
//!   padding, as in the other implementations. The Delta is computed and its size is measured; it
//!   is stored only if the name of the operation says so.
//! - The committer is at the first leaf and the receiver is at the last leaf, which is the greatest
//!   possible distance. After each Commit, both must agree on the secrets; this check is not part
//!   of the measurement.
//! - The *fresh* tree is the tree after one Commit that added all members, so nearly all parents
//!   are blank. The *warm* tree is the tree after all members have made a Commit; see `warm_tree`.
//! - The median is taken over `--runs` runs. The number of runs is smaller if they take more than
//!   ten seconds, and up to 40 times larger while they take less than 100 ms. The state is never
//!   copied: each run uses the group's next epoch or message.
//! - The allocator counts memory as requested, without its own overhead.
//!
//! With `--fixture`, the program measures nothing; see `fixture.rs`.

#![allow(clippy::disallowed_methods, reason = "the benchmark reads the Deltas, or nothing is stored")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark that fails has no result"
)]

mod commits;
mod fixture;
mod joining;
mod measure;
mod ops;
mod primitives;
mod state;
mod stored;

use clap::Parser;
use measure::Session;
use ops::{ANY_TREE, LARGEST_FRESH, OPS, is_warm, needs_no_group};
use pando_benches::large_group::LargeGroup;
use pando_benches::{Crypto, provider};
use pando_wire::CipherSuite;
use peak_alloc::PeakAlloc;
use std::error::Error;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Measures Pando in groups of any size.
#[derive(Parser)]
#[command(after_long_help = ops::list())]
struct Arguments {
    /// Numbers of members of the groups, each at least 2.
    #[arg(long, value_delimiter = ',', required = true, value_parser = clap::value_parser!(u32).range(2..=1 << 24))]
    size: Vec<u32>,
    /// Operations to measure. By default, all operations are measured.
    #[arg(long, value_delimiter = ',')]
    op: Vec<String>,
    /// The number of the cipher suite.
    #[arg(long, default_value_t = 1)]
    suite: u16,
    /// The cryptographic backend.
    #[arg(long, default_value = "rustcrypto")]
    crypto: String,
    /// Maximum number of repetitions of an operation.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Prints one JSON object per line.
    #[arg(long)]
    json: bool,
    /// Stores changes durably before a message is sent or shown. Otherwise, the operating system
    /// writes them later.
    #[arg(long)]
    fsync: bool,
    /// Measures nothing. Instead, adds the clients whose KeyPackages are in this folder (*.kp), and
    /// writes welcome.mls and Commits.
    #[arg(long, value_name = "DIR")]
    fixture: Option<PathBuf>,
    /// Uses the warm tree for the fixture.
    #[arg(long, requires = "fixture")]
    warm: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let unknown = arguments.op.iter().find(|op| OPS.iter().all(|(name, _)| name != op));
    if let Some(op) = unknown {
        return Err(format!("unknown operation {op}; --help lists all operations").into());
    }
    let provider = provider(&arguments.crypto).ok_or("this program was built without that backend")?;
    let suite = provider.suite(CipherSuite(arguments.suite)).ok_or("the backend lacks this cipher suite")?;
    let crypto = Crypto { provider, suite };
    let runs = arguments.runs.into();
    if let Some(folder) = &arguments.fixture {
        let [size] = arguments.size[..] else { return Err("--fixture needs exactly one size".into()) };
        return fixture::write(crypto, size, arguments.warm, runs, folder);
    }

    let picked = |name: &&'static str| arguments.op.is_empty() || arguments.op.iter().any(|op| op == name);
    let session = Session {
        crypto,
        crypto_name: arguments.crypto.clone(),
        runs,
        durable: arguments.fsync,
        wanted: OPS.iter().map(|(name, _)| *name).filter(picked).collect(),
        json: arguments.json,
        progress: measure::progress(),
    };
    if session.wanted.iter().any(|op| op.starts_with("primitive_")) {
        primitives::measure(&session);
    }
    for &n in &arguments.size {
        measure_size(&session, n);
    }
    session.progress.finish_and_clear();
    Ok(())
}

fn measure_size(session: &Session, n: u32) {
    if session.wants(&["key_package_new"]) {
        primitives::key_package(session, n);
    }
    let in_warm = |op: &str| is_warm(op) || (n > LARGEST_FRESH && ANY_TREE.contains(&op));
    let in_groups = || session.wanted.iter().filter(|op| !needs_no_group(op));
    if in_groups().any(|op| !in_warm(op)) {
        let mut large_group = joining::fresh(session, n);
        commits::updates(session, n, &mut large_group, commits::UPDATES);
        if n <= LARGEST_FRESH {
            any_tree(session, n, &mut large_group);
        }
        commits::adds_and_removes(session, n, &mut large_group, commits::CHANGES);
        commits::external(session, n, &mut large_group);
        stored::fresh(session, n, &mut large_group);
    }
    if in_groups().any(|op| in_warm(op)) {
        session.doing(n, "making the warm tree");
        let mut large_group = LargeGroup::warm(session.crypto, n);
        commits::updates(session, n, &mut large_group, commits::WARM_UPDATES);
        if n > LARGEST_FRESH {
            any_tree(session, n, &mut large_group);
        }
        commits::adds_and_removes(session, n, &mut large_group, commits::WARM_CHANGES);
        stored::warm(session, n, &mut large_group);
    }
}

/// Measures the operations that do not depend on which parents are blank.
fn any_tree(session: &Session, n: u32, large_group: &mut LargeGroup) {
    joining::join_single(session, n, large_group);
    state::messages(session, n, large_group);
    state::whole(session, n, large_group);
}
