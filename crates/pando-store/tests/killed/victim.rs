//! The process that is killed.

use crate::client::Client;
use crate::delivery::{Delivery, Kind};
use crate::fixtures::rng;
use pando_mls::{CommitBuilder, LeafIndex};
use pando_store::FAILPOINTS;
use rand_core::Rng;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Length of a payload. The first byte of a payload is the number of the client.
const PAYLOAD: usize = 16;

pub(crate) fn live(folder: &str, seed: &str, countdown: &str) {
    let (folder, seed) = (Path::new(folder), seed.parse().unwrap());
    if let Ok(countdown) = countdown.parse::<u32>()
        && countdown > 0
    {
        die_after(countdown);
    }
    let mut delivery = Delivery::open(folder);
    let mut clients: Vec<_> = (0..3).map(|number| Client::start(folder, number, seed)).collect();
    if !folder.join("begun").exists() {
        begin(folder, &mut clients);
    }
    // First, send the messages that an earlier run has left in the outboxes.
    clients.iter_mut().for_each(|client| client.send(&mut delivery));
    let mut random = rng(seed + 1_000_000);
    if countdown == "finish" {
        settle(&mut clients, &mut delivery);
        return check(folder, &clients, &delivery);
    }
    for step in 0..60 {
        let at = (random.next_u32() % 3) as usize;
        if step % 4 == 0 {
            clients.iter_mut().for_each(|client| client.send(&mut delivery));
        }
        clients[at].send(&mut delivery);
        clients[at].receive(&delivery);
        if at == 2 && (clients[2].is_outside() || random.next_u32().is_multiple_of(6)) {
            join_externally(&mut clients, &delivery);
            if random.next_u32().is_multiple_of(2) {
                // With this Commit, the external Commit loses the race.
                clients[0].commit(None);
                clients[0].send(&mut delivery);
            }
        }
        let client = &mut clients[at];
        if client.device.group.is_some() {
            match random.next_u32() % 8 {
                0..4 => {
                    let data = [seed.to_be_bytes(), u64::to_be_bytes(step)].concat();
                    client.write(&data);
                }
                4 => client.propose_update(),
                5 if at == 0 && random.next_u32().is_multiple_of(2) => {
                    let third = third_leaf(client);
                    client.commit(third);
                }
                5..7 => client.commit(None),
                _ => {}
            }
        }
        if random.next_u32().is_multiple_of(2) {
            clients[at].send(&mut delivery);
        }
    }
    settle(&mut clients, &mut delivery);
}

/// Returns the leaf of the third client, if it is a member.
fn third_leaf(client: &Client) -> Option<LeafIndex> {
    let mut members = client.device.group().public().tree().members().map(Result::unwrap);
    members.find(|leaf| *leaf == LeafIndex(2))
}

/// Makes the third client create an external Commit, if the first client has a GroupInfo of the
/// current epoch. A client that waits to be added creates no external Commit.
fn join_externally(clients: &mut [Client], delivery: &Delivery) {
    let [first, _, third] = clients else { panic!("three clients") };
    let waits_to_be_added = !third.device.store.key_packages().unwrap().is_empty();
    if first.device.group().epoch() != delivery.epoch || waits_to_be_added {
        return;
    }
    let psks = &first.device.store;
    let group_info = first.device.group().group_info().build(&first.device.client(psks)).unwrap();
    third.join_externally(&group_info, third_leaf(first));
}

/// Creates the group once. If the process is killed before the group is created, it starts again
/// with new stores.
fn begin(folder: &Path, clients: &mut Vec<Client>) {
    assert!(!folder.join("log").exists());
    if clients.iter().any(|client| client.device.group.is_some())
        || clients.iter().any(|client| !client.device.store.key_packages().unwrap().is_empty())
    {
        clients.clear();
        for name in ["a", "b", "c"] {
            for end in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(folder.join(format!("{name}{end}")));
            }
        }
        clients.extend((0..3).map(|number| Client::start(folder, number, 0)));
    }
    clients[0].device.create(&crate::fixtures::tea()).unwrap();
    let added: Vec<_> = clients[1..].iter_mut().map(|client| client.device.publish(false).unwrap()).collect();
    let (_, welcome) =
        clients[0].device.commit(|builder| added.into_iter().fold(builder, CommitBuilder::add)).unwrap();
    clients[0].device.merge_pending().unwrap();
    clients[1..].iter_mut().for_each(|client| client.device.join(welcome.as_ref().unwrap()).unwrap());
    fs::write(folder.join("begun"), []).unwrap();
}

/// Ends the process after `countdown` failpoints.
fn die_after(countdown: u32) {
    let left = Arc::new(AtomicU32::new(countdown));
    for point in FAILPOINTS {
        let left = Arc::clone(&left);
        fail::cfg_callback(point, move || {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                std::process::abort();
            }
        })
        .unwrap();
    }
}

/// Delivers all sent messages, and checks that all clients agree.
fn settle(clients: &mut [Client], delivery: &mut Delivery) {
    loop {
        let before = delivery.log.len();
        clients.iter_mut().for_each(|client| client.send(delivery));
        clients.iter_mut().for_each(|client| client.receive(delivery));
        if clients[2].is_outside() {
            join_externally(clients, delivery);
        }
        clients.iter_mut().for_each(|client| client.send(delivery));
        if delivery.log.len() == before {
            break;
        }
    }
    let members: Vec<_> = clients.iter().filter_map(|client| client.device.group.as_ref()).collect();
    for (group, _) in &members {
        assert!(group.pending_commit().is_none(), "a Commit stays pending");
        assert_eq!(group.epoch(), delivery.epoch);
        assert_eq!(group.epoch_authenticator(), members[0].0.epoch_authenticator());
    }
    // Exactly the clients that are not members have a published KeyPackage. No external Commit
    // stays pending.
    for client in clients.iter() {
        assert!(client.device.store.joining().unwrap().is_empty(), "an external Commit stays pending");
        let waits = usize::from(client.device.group.is_none());
        assert_eq!(client.device.store.key_packages().unwrap().len(), waits);
    }
}

/// Checks that each acknowledged message was sent once, and that every permanent member has
/// decrypted it once.
fn check(folder: &Path, clients: &[Client], delivery: &Delivery) {
    let inbox = |client: &Client| -> BTreeMap<i64, Vec<u8>> {
        let mut statement = client.own().prepare("SELECT position, data FROM inbox").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let inboxes: Vec<_> = clients.iter().map(inbox).collect();
    let mut sent = BTreeMap::<(u8, Vec<u8>), usize>::new();
    for (at, entry) in (0..).zip(&delivery.log).filter(|(_, entry)| entry.kind == Kind::Application) {
        let read: Vec<_> = (0..2).filter(|reader| *reader != entry.from).collect();
        let data = &inboxes[usize::from(read[0])][&at];
        assert!(read.iter().all(|reader| inboxes[usize::from(*reader)].get(&at) == Some(data)));
        *sent.entry((entry.from, data.clone())).or_default() += 1;
    }
    let acknowledged = fs::read(folder.join("acknowledged")).unwrap();
    for acknowledged in acknowledged.chunks_exact(PAYLOAD + 1) {
        let (from, data) = (acknowledged[0], acknowledged[1..].to_vec());
        assert_eq!(sent.get(&(from, data)), Some(&1), "lost, or sent twice");
    }
    let count = |kind| delivery.log.iter().filter(|entry| entry.kind == kind).count();
    let gone: u64 = ["a", "b", "c"]
        .map(|name| fs::metadata(folder.join(format!("gone-{name}"))).unwrap().len() / 8)
        .iter()
        .sum();
    let own_joins = delivery.log.iter().filter(|entry| entry.is_external()).count();
    let abandoned = fs::read(folder.join("abandoned")).unwrap_or_default().len();
    println!(
        "{own_joins} external Commits accepted and {abandoned} abandoned, {} messages ({} acknowledged), {} Commits, {} proposals, {} removals and {} readmissions of the third client, {gone} deleted secrets, {} bytes read by it",
        count(Kind::Application),
        acknowledged.len() / (PAYLOAD + 1),
        count(Kind::Commit),
        count(Kind::Proposal),
        count(Kind::KeyPackage),
        count(Kind::Welcome),
        inboxes[2].values().map(Vec::len).sum::<usize>(),
    );
}
