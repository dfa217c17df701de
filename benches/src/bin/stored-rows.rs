//! The table in `docs/storage.md`: how many rows, and how many bytes with their keys, operations write and delete, in
//! groups of several sizes. The trees are warm: no parent between two members is blank.
//!
//! `cargo run --release -p pando-benches --bin stored-rows -- 100 1000 10000 50000`

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark that fails has no result"
)]

use pando_benches::crowd::{Crowd, Member, written};
use pando_benches::{Crypto, suite};
use pando_crypto::RustCrypto;
use pando_mls::wire::Remove;
use pando_mls::{Decode, Delta, Encode, LeafIndex, MlsMessage, Proposal};

/// What the rows of an operation are.
type Cell = (&'static str, Delta);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sizes: Vec<u32> = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<_, _>>()?;
    let columns: Vec<Vec<Cell>> = sizes.iter().map(|&size| column(size)).collect();
    let heads: String = sizes.iter().map(|size| format!(" {size} members |")).collect();
    println!("| |{heads}\n|---|{}", "--:|".repeat(sizes.len()));
    for row in 0..columns.first().map_or(0, Vec::len) {
        let cells: Vec<_> = columns.iter().filter_map(|column| column.get(row)).collect();
        let what = cells.first().map_or("", |(what, _)| what);
        let cells: String = cells.iter().map(|(_, delta)| format!(" {} |", cell(delta))).collect();
        println!("| {what} |{cells}");
    }
    Ok(())
}

fn cell(delta: &Delta) -> String {
    let (writes, deletes) = (delta.writes().count(), delta.deletes().count());
    format!("{writes} + {deletes} rows, {} B", written(delta))
}

fn column(size: u32) -> Vec<Cell> {
    let mut crowd = Crowd::warm(Crypto { provider: &RustCrypto, suite: suite() }, size);
    let mut cells = Vec::new();
    for what in ["update Commit processed", "add Commit processed", "remove Commit processed"] {
        let newcomer = crowd.newcomer();
        let key_package = newcomer.bundle().key_package;
        let Crowd { committer, receiver, rng, .. } = &mut crowd;
        let (message, _) = committer.commit(
            |builder| match what {
                "update Commit processed" => builder,
                "add Commit processed" => builder.add(key_package).without_tree(),
                _ => builder.remove(LeafIndex(size / 2)),
            },
            rng,
        );
        let _ = committer.group.merge_pending().unwrap();
        cells.push((what, receiver.process_commit(&message)));
    }
    let Crowd { committer, receiver, rng, .. } = &mut crowd;
    for what in ["a sender's first message in an epoch", "the next message"] {
        let message = committer.encrypt(b"hello", rng);
        cells.push((what, receiver.decrypt(&message).1));
    }
    cells.push(("one's own message", own_message(receiver, rng)));
    let proposal = Proposal::Remove(Remove { removed: LeafIndex(size / 3) });
    let client = receiver.person.client();
    let (message, delta) = receiver.group.propose(proposal, b"", &client, rng).unwrap();
    cells.push(("one's own proposal", delta));
    let client = committer.person.client();
    let message = MlsMessage::decode(&message.encode().unwrap()).unwrap();
    cells.push(("a proposal of another", committer.group.process(message, &client).unwrap().1));
    let client = receiver.person.client();
    cells.push(("one's own Commit made", receiver.group.commit().build(&client, rng).unwrap().delta));
    cells.push(("and merged", receiver.group.merge_pending().unwrap()));
    cells
}

fn own_message(member: &mut Member, rng: &mut rand_chacha::ChaCha20Rng) -> Delta {
    let client = member.person.client();
    member.group.encrypt(b"hello", b"", &client, rng).unwrap().1
}
