//! Joining by a Welcome that is many epochs old, from a server that has nothing in memory.

use crate::clients::{Clients, Device, NOW};
use crate::population::Population;
use crate::server::Server;
use pando_api::InboxPage;
use pando_mls::Encode;
use std::time::{Duration, Instant};

/// The epoch of a Commit with Adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) tree_hash: Vec<u8>,
}

/// The times and sizes of a join.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The epochs between the Welcome and the join.
    pub(crate) age: u64,
    pub(crate) inbox: (Duration, usize),
    pub(crate) tree: (Duration, usize),
    /// The time to fetch the tree again.
    pub(crate) tree_again: Duration,
    /// The time for the client to verify the tree and to enter the epoch.
    pub(crate) join: Duration,
    /// The time to read and process the Commits since the Welcome.
    pub(crate) follow: Duration,
}

/// Lets a client join the epoch `expected` and follow the group to its current epoch.
pub(crate) async fn measure(
    server: &Server,
    clients: &Clients,
    (group, joiner): (&Population, Device),
    expected: &Epoch,
) -> Joined {
    let cold = server.cold(clients).await;
    let caller = joiner.caller.clone();
    let began = Instant::now();
    let page: InboxPage = cold.read_inbox(&caller, (0, usize::MAX), NOW).await.unwrap();
    let inbox = (began.elapsed(), page.encode().unwrap().len());
    let [entry] = &page.entries[..] else { panic!("{} entries", page.entries.len()) };
    let fetch = || async {
        let began = Instant::now();
        let tree = cold.tree(&caller, &entry.group_id, &entry.tree_hash).await.unwrap();
        (began.elapsed(), tree)
    };
    let (first, tree) = fetch().await;
    let (tree_again, _) = fetch().await;
    let began = Instant::now();
    let mut member = clients.join(joiner, &entry.welcome, &tree);
    let join = began.elapsed();
    let epoch = Epoch { number: member.group.epoch(), tree_hash: member.tree_hash() };
    assert_eq!(epoch, *expected, "the joiner is in another epoch than the Commit");
    member.seq = entry.group_seq;
    let began = Instant::now();
    server.follow(&mut member).await;
    let follow = began.elapsed();
    let creator = &group.creator.group;
    assert_eq!(member.group.epoch(), creator.epoch());
    assert_eq!(member.group.epoch_authenticator(), creator.epoch_authenticator());
    let age = creator.epoch() - epoch.number;
    Joined { age, inbox, tree: (first, tree.len()), tree_again, join, follow }
}
