//! In a store that is not encrypted, what was deleted or replaced is in none of its files: keys of messages, secrets of past
//! epochs, KeyPackages that were used.

use crate::people::{Device, group_of, sqlite, stranger, tea};
use pando_mls::{CommitBuilder, RowKey, Rows};
use pando_store::{Erase, Key, Sqlite};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Every row of a member that holds secrets, and what is in it.
fn secrets(rows: &Rows) -> BTreeSet<Vec<u8>> {
    let secret = |key: &RowKey| !matches!(key, RowKey::Public | RowKey::Node(_) | RowKey::Proposal(_));
    let rows = rows.iter().filter(|(key, _)| secret(key));
    // Any part of 24 bytes will do, so that nothing is found that stands at another place in a row that is there.
    rows.flat_map(|(_, row)| row.expose().chunks_exact(24).map(<[u8]>::to_vec)).collect()
}

/// The bytes of the database and of all that SQLite keeps beside it.
fn bytes(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file() && path.file_name().unwrap().to_str().unwrap().starts_with(name));
    files.map(|path| fs::read(path).unwrap()).collect()
}

/// How many of some secrets are in some files.
fn found(secrets: &BTreeSet<Vec<u8>>, files: &[Vec<u8>]) -> usize {
    let windows = files.iter().flat_map(|file| file.windows(24));
    windows.filter(|window| secrets.contains(*window)).map(<[u8]>::to_vec).collect::<BTreeSet<_>>().len()
}

/// What the member has had and has no longer.
struct Gone {
    had: BTreeSet<Vec<u8>>,
}

impl Gone {
    fn look(&mut self, device: &mut Device<Sqlite>) {
        self.had.extend(secrets(&device.stored()));
    }

    fn gone(&self, device: &mut Device<Sqlite>) -> BTreeSet<Vec<u8>> {
        // What was at one place may be at another now.
        let rows = device.stored();
        let has: BTreeSet<_> = rows.values().flat_map(|row| row.expose().windows(24)).collect();
        self.had.iter().filter(|secret| !has.contains(&***secret)).cloned().collect()
    }
}

/// A group lives, and the second member is looked at after every step.
fn live(folder: &Path, erase: Erase, mut look: impl FnMut(&mut Device<Sqlite>)) -> Vec<Device<Sqlite>> {
    let names = ["a", "b", "c"];
    let stores = names.map(|name| sqlite(&folder.join(name), &Key::None).unwrap());
    let mut devices = group_of(stores.into());
    devices[1].store.set_erase(erase);
    // Many others, so that there are many pages, which are split and joined.
    let crowd: Vec<_> = (0..150).map(|_| stranger(&mut devices[0].rng)).collect();
    let (commit, _) = devices[0].commit(|builder| crowd.into_iter().fold(builder, CommitBuilder::add)).unwrap();
    devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    for step in 0..12 {
        for round in 0..3 {
            let messages: Vec<_> =
                (0..4).map(|at| (at % 3, devices[at % 3].send(&[1; 40]).unwrap())).collect();
            look(&mut devices[1]);
            for (by, message) in messages.iter().rev() {
                for at in (0..3).filter(|at| at != by) {
                    devices[at].receive(message).unwrap();
                }
                look(&mut devices[1]);
            }
            if round == 1 && step % 2 == 0 {
                let update = devices[1].propose_update().unwrap();
                look(&mut devices[1]);
                devices[0].receive(&update).unwrap();
                devices[2].receive(&update).unwrap();
                break;
            }
        }
        let by = (step + 2) % 3;
        let (commit, _) = devices[by].commit(|builder| builder).unwrap();
        look(&mut devices[1]);
        devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
        look(&mut devices[1]);
    }
    devices
}

#[test]
fn none_is_in_any_file() {
    let folder = TempDir::new().unwrap();
    let mut gone = Gone { had: BTreeSet::new() };
    let mut devices = live(folder.path(), Erase::AtOnce, |device| {
        gone.look(device);
        let deleted = gone.gone(device);
        let found = found(&deleted, &bytes(folder.path(), "b"));
        assert_eq!(found, 0, "of {}", deleted.len());
    });
    let bob = &mut devices[1];
    assert!(gone.gone(bob).len() > 500, "{}", gone.gone(bob).len());
    // What is there is found, so the search finds.
    assert!(found(&secrets(&bob.stored()), &bytes(folder.path(), "b")) > 20);
    assert!(bob.store.contains(&tea()).unwrap());
}

#[test]
fn it_is_so_after_the_deletions_were_asked_for() {
    let folder = TempDir::new().unwrap();
    let mut gone = Gone { had: BTreeSet::new() };
    let mut devices = live(folder.path(), Erase::WhenAsked, |device| gone.look(device));
    let bob = &mut devices[1];
    let deleted = gone.gone(bob);
    // Until then, some are in the log.
    assert!(found(&deleted, &bytes(folder.path(), "b")) > 0);
    bob.store.erase().unwrap();
    assert_eq!(found(&deleted, &bytes(folder.path(), "b")), 0);
}
