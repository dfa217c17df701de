//! Prints the tables in `docs/storage.md`. The tables show how many rows operations write and
//! delete in groups of several sizes, and the size of these rows including their keys. The trees
//! are warm: no parent between two members is blank.
//!
//! - Table of members:
//!   `cargo run --release -p pando-benches --bin stored-rows -- 100 1000 10000 50000`
//! - Table of opened public groups, which includes reads:
//!   `cargo run --release -p pando-benches --bin stored-rows -- public 100 5000 50000`

#![allow(clippy::disallowed_methods, reason = "the benchmark reads the Deltas, or nothing is stored")]
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark that fails has no result"
)]

use pando_benches::large_group::{LargeGroup, Member, written};
use pando_benches::{Crypto, suite};
use pando_crypto::RustCrypto;
use pando_mls::wire::Remove;
use pando_mls::{
    BasicIdentities, Decode, DefaultRules, Delta, Encode, LeafIndex, MlsMessage, Proposal, PublicGroup,
    PublicProcessed, RowKey, RowSource, Rows, SecretBytes, SourceError,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The name of an operation, and its cost as text.
type Cell = (&'static str, String);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let column = if arguments.next_if_eq("public").is_some() { public_column } else { column };
    let sizes: Vec<u32> = arguments.map(|size| size.parse()).collect::<Result<_, _>>()?;
    let columns: Vec<Vec<Cell>> = sizes.iter().map(|&size| column(size)).collect();
    let heads: String = sizes.iter().map(|size| format!(" {size} members |")).collect();
    println!("| |{heads}\n|---|{}", "--:|".repeat(sizes.len()));
    for row in 0..columns.first().map_or(0, Vec::len) {
        let cells: Vec<_> = columns.iter().filter_map(|column| column.get(row)).collect();
        let what = cells.first().map_or("", |(what, _)| what);
        let cells: String = cells.iter().map(|(_, cost)| format!(" {cost} |")).collect();
        println!("| {what} |{cells}");
    }
    Ok(())
}

fn cost(delta: &Delta) -> String {
    let (writes, deletes) = (delta.writes().count(), delta.deletes().count());
    format!("{writes} + {deletes} rows, {} B", written(delta))
}

fn column(size: u32) -> Vec<Cell> {
    deltas(size).into_iter().map(|(what, delta)| (what, cost(&delta))).collect()
}

/// A store in memory that counts reads of rows.
struct Store {
    rows: Mutex<Rows>,
    reads: AtomicUsize,
}

impl Store {
    fn read<T>(&self, read: impl FnOnce(&mut Rows) -> T) -> T {
        self.reads.fetch_add(1, Ordering::Relaxed);
        read(&mut self.rows.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RowSource for Store {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        self.read(|rows| rows.row(key))
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        self.read(|rows| RowSource::range(rows, first, last))
    }
}

/// Returns the costs of Commits that an opened public group processes and merges. The costs include
/// reads.
fn public_column(size: u32) -> Vec<Cell> {
    let mut large_group = LargeGroup::warm(Crypto { provider: &RustCrypto, suite: suite() }, size);
    let limits = large_group.committer.group.config().limits;
    let member_rows = large_group.committer.group.rows().unwrap();
    let group = PublicGroup::load(&member_rows, &RustCrypto, &BasicIdentities, limits).unwrap();
    let rows = Mutex::new(group.rows().unwrap());
    drop((group, member_rows));
    let store = Arc::new(Store { rows, reads: AtomicUsize::default() });
    let mut group = PublicGroup::open(store.clone(), &RustCrypto, limits).unwrap();
    let mut cells = vec![("opening", format!("{} reads", store.reads.swap(0, Ordering::Relaxed)))];
    for what in ["first Commit, an update", "update Commit", "add Commit", "remove Commit", "external Commit"]
    {
        let newcomer = large_group.newcomer();
        let key_package = newcomer.bundle().key_package;
        let LargeGroup { committer, receiver, rng, .. } = &mut large_group;
        let message = if what == "external Commit" {
            let (group_info, tree) = (committer.group_info(false), committer.tree());
            Member::join_externally(newcomer, &group_info, &tree, None, rng).1
        } else {
            let by = if what == "update Commit" { &mut *receiver } else { &mut *committer };
            let (message, _) = by.commit(
                |builder| match what {
                    "add Commit" => builder.add(key_package).without_tree(),
                    "remove Commit" => builder.remove(LeafIndex(size / 2)),
                    _ => builder,
                },
                rng,
            );
            by.group.merge_pending().unwrap().assume_persisted();
            let other = if what == "update Commit" { committer } else { receiver };
            let _ = other.process_commit(&message);
            message
        };
        let message = MlsMessage::decode(&message).unwrap();
        let processed =
            group.process(message, &BasicIdentities, &DefaultRules, None).unwrap().assume_persisted();
        let PublicProcessed::Commit(staged) = processed else { continue };
        let merged = group.merge_unconfirmed(&staged).unwrap();
        cells.push((
            what,
            format!("{}, {} reads", cost(merged.delta()), store.reads.swap(0, Ordering::Relaxed)),
        ));
        store.read(|rows| merged.persist_to(rows)).unwrap();
        store.reads.store(0, Ordering::Relaxed);
    }
    cells
}

fn deltas(size: u32) -> Vec<(&'static str, Delta)> {
    let mut large_group = LargeGroup::warm(Crypto { provider: &RustCrypto, suite: suite() }, size);
    let mut cells = Vec::new();
    for what in ["update Commit processed", "add Commit processed", "remove Commit processed"] {
        let newcomer = large_group.newcomer();
        let key_package = newcomer.bundle().key_package;
        let LargeGroup { committer, receiver, rng, .. } = &mut large_group;
        let (message, _) = committer.commit(
            |builder| match what {
                "update Commit processed" => builder,
                "add Commit processed" => builder.add(key_package).without_tree(),
                _ => builder.remove(LeafIndex(size / 2)),
            },
            rng,
        );
        committer.group.merge_pending().unwrap().assume_persisted();
        cells.push((what, receiver.process_commit(&message)));
    }
    let LargeGroup { committer, receiver, rng, .. } = &mut large_group;
    for what in ["a sender's first message in an epoch", "the next message"] {
        let message = committer.encrypt(b"hello", rng);
        cells.push((what, receiver.decrypt(&message).1));
    }
    cells.push(("own message", own_message(receiver, rng)));
    let proposal = Proposal::Remove(Remove { removed: LeafIndex(size / 3) });
    let cx = receiver.client.cx();
    let (message, delta) = receiver.group.propose(proposal, b"", &cx, rng).unwrap().into_parts();
    cells.push(("own proposal", delta));
    let cx = committer.client.cx();
    let message = MlsMessage::decode(&message.encode().unwrap()).unwrap();
    cells.push(("another member's proposal", committer.group.process(message, &cx).unwrap().into_parts().1));
    let cx = receiver.client.cx();
    cells.push(("own Commit made", receiver.group.commit().build(&cx, rng).unwrap().into_parts().1));
    cells.push(("own Commit merged", receiver.group.merge_pending().unwrap().into_parts().1));
    cells
}

fn own_message(member: &mut Member, rng: &mut rand_chacha::ChaCha20Rng) -> Delta {
    let cx = member.client.cx();
    member.group.encrypt(b"hello", &cx, rng).unwrap().into_parts().1
}
