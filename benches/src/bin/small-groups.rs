//! Repeats an operation in a small group, for use with a profiler that counts instructions.
//!
//! Times in microseconds vary with the load of the machine, whereas numbers of instructions hardly
//! vary. Callgrind counts the instructions inside the function `measured`, which does not include
//! the creation of the group:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*measured*' small-groups --op merge_own --members 10 --runs 20
//! ```
//!
//! Divide the result by the number of runs. Valgrind hides the SHA extensions from the program, so
//! SHA-256 counts about 3,000 instructions for each block of 64 bytes. With the extensions, the
//! processor hashes such a block in about 40 ns.
//!
//! The tree is warm, which means that all members have made Commits. As in `large-group`, handshake
//! messages are PublicMessages, making a message ends with encoding it, and processing a message
//! begins with decoding it.

#![allow(clippy::disallowed_methods, reason = "the benchmark creates Deltas and stores nothing")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no result")]

use clap::{Parser, ValueEnum};
use pando_benches::large_group::{LargeGroup, Member};
use pando_benches::test_client::key_packages;
use pando_benches::{Crypto, provider, rng};
use pando_mls::wire::CipherSuite;
use pando_mls::{CommitBuilder, Decode, Encode, KeyPackage, MlsMessage};
use std::error::Error;
use std::hint::black_box;

/// Repeats one operation in a small group.
#[derive(Parser)]
struct Arguments {
    /// The operation to repeat.
    #[arg(long)]
    op: Operation,
    /// Number of members of the group.
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..))]
    members: u32,
    /// Number of repetitions of the operation.
    #[arg(long, default_value_t = 20)]
    runs: u32,
    /// The number of the cipher suite.
    #[arg(long, default_value_t = 1)]
    suite: u16,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Operation {
    /// Encrypt 32 bytes.
    Encrypt,
    /// Decrypt 32 bytes.
    Decrypt,
    /// Make a Commit without proposals.
    Update,
    /// Enter the epoch of our own Commit.
    MergeOwn,
    /// Process a Commit without proposals, and enter its epoch.
    ProcessUpdate,
    /// Process a Commit that adds a member, and enter its epoch.
    ProcessAdd,
    /// Join by a Welcome that contains the tree.
    Join,
    /// Enter the epoch of the Commit that adds all members to a new group.
    MergeAddAll,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { op, members, runs, suite } = Arguments::parse();
    let provider = provider("rustcrypto").ok_or("the backend is not available")?;
    let suite = provider.suite(CipherSuite(suite)).ok_or("the backend lacks this cipher suite")?;
    let crypto = Crypto { provider, suite };
    let mut large_group = LargeGroup::warm(crypto, members);
    let others = key_packages(crypto, 1..members);
    // Fill all past epochs that the group keeps. The first message derives the ratchets.
    for _ in 0..6 {
        large_group.update();
    }
    message(&mut large_group, false, false);
    for _ in 0..runs {
        match op {
            Operation::Encrypt => message(&mut large_group, true, false),
            Operation::Decrypt => message(&mut large_group, false, true),
            Operation::Update | Operation::MergeOwn | Operation::ProcessUpdate => {
                update(&mut large_group, op);
            }
            Operation::ProcessAdd => add(&mut large_group),
            Operation::Join => join(&mut large_group),
            Operation::MergeAddAll => merge_add_all(crypto, &others),
        }
    }
    Ok(())
}

/// Runs the code whose instructions are counted. The profiler identifies this function by its name.
#[inline(never)]
fn measured<T>(does: impl FnOnce() -> T) -> T {
    black_box(does())
}

/// Runs code and counts its instructions if `counts` is set.
fn counted_if<T>(counts: bool, does: impl FnOnce() -> T) -> T {
    if counts { measured(does) } else { does() }
}

/// Sends an application message from the committer to the receiver.
fn message(large_group: &mut LargeGroup, counts_encrypt: bool, counts_decrypt: bool) {
    let LargeGroup { committer, receiver, rng, .. } = large_group;
    let message = counted_if(counts_encrypt, || committer.encrypt(&[7; 32], rng));
    let _ = counted_if(counts_decrypt, || receiver.decrypt(&message));
}

/// Creates a Commit as the committer, and merges it for both members.
fn update(large_group: &mut LargeGroup, op: Operation) {
    let LargeGroup { committer, receiver, rng, .. } = large_group;
    let (message, _) =
        counted_if(matches!(op, Operation::Update), || committer.commit(|builder| builder, rng));
    let merged = counted_if(matches!(op, Operation::MergeOwn), || committer.group.merge_pending().unwrap());
    merged.assume_persisted();
    let _ = counted_if(matches!(op, Operation::ProcessUpdate), || receiver.process_commit(&message));
}

/// Adds a new member and removes it again.
fn add(large_group: &mut LargeGroup) {
    let newcomer = large_group.newcomer();
    let key_package = newcomer.bundle().key_package;
    let LargeGroup { committer, receiver, rng, .. } = large_group;
    let (message, _) = committer.commit(|builder| builder.add(key_package).without_tree(), rng);
    committer.group.merge_pending().unwrap().assume_persisted();
    let _ = measured(|| receiver.process_commit(&message));
    let tree = large_group.committer.group.public().tree();
    let leaf = tree.find_signature_key(newcomer.signer.public_key()).unwrap().unwrap();
    large_group.remove(leaf);
}

/// Makes a newcomer join by a Welcome, and drops the Commit.
fn join(large_group: &mut LargeGroup) {
    let newcomer = large_group.newcomer();
    let bundle = newcomer.bundle();
    let LargeGroup { committer, rng, .. } = large_group;
    let key_package = bundle.key_package.clone();
    let (_, welcome) = committer.commit(|builder| builder.add(key_package).without_path(), rng);
    let welcome = MlsMessage::from(welcome.unwrap()).encode().unwrap();
    let _ = measured(|| Member::join(newcomer, &bundle, &welcome, None));
    committer.group.clear_pending().assume_persisted();
}

/// Creates a group and merges the Commit that adds all other members.
fn merge_add_all(crypto: Crypto, others: &[Vec<u8>]) {
    let mut rng = rng();
    let mut creator = Member::alone(crypto, &mut rng);
    let _ = creator.commit(
        |builder| {
            let others = others.iter().map(|bytes| KeyPackage::decode(bytes).unwrap());
            others.fold(builder, CommitBuilder::add).without_tree()
        },
        &mut rng,
    );
    measured(|| creator.group.merge_pending().unwrap()).assume_persisted();
}
