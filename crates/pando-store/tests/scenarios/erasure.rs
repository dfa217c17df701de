//! Even in an unencrypted store, no file contains deleted or replaced secrets, such as message
//! keys, secrets of past epochs, or used KeyPackages.

use crate::fixtures::{Device, group_of, rng, sqlite, stranger, tea};
use pando_mls::{CommitBuilder, RowKey, Rows, SecretBytes};
use pando_store::rusqlite::Connection;
use pando_store::{Backend, Erase, Key, Sqlite, StoreError};
use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Returns the contents of all secret rows of a member, divided into parts.
fn secrets(rows: &Rows) -> BTreeSet<Vec<u8>> {
    let secret = |key: &RowKey| !matches!(key, RowKey::Public | RowKey::Tree(_) | RowKey::Proposal(_));
    let rows = rows.iter().filter(|(key, _)| secret(key));
    // Each part has 24 bytes, so that a part of a current row at another offset is not mistaken for
    // a deleted part.
    rows.flat_map(|(_, row)| row.expose().chunks_exact(24).map(<[u8]>::to_vec)).collect()
}

/// Returns the contents of the database and of all files that SQLite keeps next to it.
fn bytes(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files =
        files.filter(|path| path.is_file() && path.file_name().unwrap().to_str().unwrap().starts_with(name));
    files.map(|path| fs::read(path).unwrap()).collect()
}

/// Returns how many of the secrets occur in the files.
fn found(secrets: &BTreeSet<Vec<u8>>, files: &[Vec<u8>]) -> usize {
    let windows = files.iter().flat_map(|file| file.windows(24));
    windows.filter(|window| secrets.contains(*window)).map(<[u8]>::to_vec).collect::<BTreeSet<_>>().len()
}

/// All secrets that a member has had so far, among which the test finds those that the member no
/// longer has.
struct Gone {
    had: BTreeSet<Vec<u8>>,
}

impl Gone {
    fn look(&mut self, device: &mut Device<Sqlite>) {
        self.had.extend(secrets(&device.stored()));
    }

    fn gone(&self, device: &mut Device<Sqlite>) -> BTreeSet<Vec<u8>> {
        // A secret may have moved to another row.
        let rows = device.stored();
        let mut has = BTreeSet::new();
        for row in rows.values().map(SecretBytes::expose) {
            // Some secrets begin with their length, and so does a value in a slot.
            let slot = [&u32::try_from(row.len()).unwrap().to_be_bytes(), row].concat();
            has.extend(slot.windows(24).map(<[u8]>::to_vec));
        }
        self.had.difference(&has).cloned().collect()
    }
}

/// Simulates the life of a group, and calls `look` with the second member after every step.
fn live(folder: &Path, erase: Erase, mut look: impl FnMut(&mut Device<Sqlite>)) -> Vec<Device<Sqlite>> {
    let names = ["a", "b", "c"];
    let stores = names.map(|name| sqlite(&folder.join(name), &Key::None).unwrap());
    let mut devices = group_of(stores.into());
    devices[1].store.set_erase(erase);
    // The group has many other members, so that SQLite must split and join many pages.
    let crowd: Vec<_> = (0..100).map(|_| stranger(&mut devices[0].rng)).collect();
    let (commit, _) =
        devices[0].commit(|builder| crowd.into_iter().fold(builder, CommitBuilder::add)).unwrap();
    devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    for step in 0..6 {
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
    assert!(gone.gone(bob).len() > 200, "{}", gone.gone(bob).len());
    // Existing secrets are found, so the search works.
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
    // Before the erasure, the log still contains some of the deleted secrets.
    assert!(found(&deleted, &bytes(folder.path(), "b")) > 0);
    bob.store.erase().unwrap();
    assert_eq!(found(&deleted, &bytes(folder.path(), "b")), 0);
}

#[test]
fn whoever_comes_after_a_crash_erases_too() {
    let folder = TempDir::new().unwrap();
    let mut gone = Gone { had: BTreeSet::new() };
    let mut devices = live(folder.path(), Erase::WhenAsked, |device| gone.look(device));
    let mut bob = devices.remove(1);
    let deleted = gone.gone(&mut bob);
    assert!(found(&deleted, &bytes(folder.path(), "b")) > 0);
    // The database is not closed, so SQLite does not write the log into it.
    bob.group = None;
    std::mem::forget(bob.store);
    let again = sqlite(&folder.path().join("b"), &Key::None).unwrap();
    assert!(again.contains(&tea()).unwrap());
    assert_eq!(found(&deleted, &bytes(folder.path(), "b")), 0);
}

#[test]
fn who_reads_an_old_state_keeps_it_from_being_erased_and_from_nothing_else() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b");
    let mut gone = Gone { had: BTreeSet::new() };
    let mut alice = group_of(vec![sqlite(&path, &Key::None).unwrap()]).remove(0);
    gone.look(&mut alice);
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM pando_records").unwrap();
    alice.send(b"hello").unwrap();
    assert!(matches!(alice.store.erase(), Err(StoreError::Busy)));
    let deleted = gone.gone(&mut alice);
    assert!(found(&deleted, &bytes(folder.path(), "b")) > 0);
    reader.execute_batch("COMMIT").unwrap();
    alice.send(b"hello").unwrap();
    assert_eq!(found(&deleted, &bytes(folder.path(), "b")), 0);
    // No row has been deleted since the state that this connection reads.
    reader.execute_batch("BEGIN; SELECT count(*) FROM pando_records").unwrap();
    alice.store.erase().unwrap();
}

/// The application's own transactions are also written to the log, and do not trigger an erasure.
#[test]
fn none_is_in_any_file_when_the_application_writes_in_between() {
    let folder = TempDir::new().unwrap();
    let mut gone = Gone { had: BTreeSet::new() };
    let devices = live(folder.path(), Erase::AtOnce, |device| {
        gone.look(device);
        let deleted = gone.gone(device);
        assert_eq!(found(&deleted, &bytes(folder.path(), "b")), 0, "of {}", deleted.len());
        let sql = "CREATE TABLE IF NOT EXISTS outbox (message BLOB); DELETE FROM outbox;
                   INSERT INTO outbox VALUES (randomblob(3000))";
        device.store.connection().execute_batch(sql).unwrap();
    });
    assert!(devices[1].store.contains(&tea()).unwrap());
}

/// The log as the file system sees it. The log's blocks are returned when its file is shortened or
/// removed.
struct Blocks {
    path: std::path::PathBuf,
    before: Vec<u8>,
    #[cfg(unix)]
    inode: u64,
}

impl Blocks {
    fn new(path: std::path::PathBuf) -> Self {
        Self {
            before: fs::read(&path).unwrap(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap()),
            path,
        }
    }

    fn look(&mut self) {
        let now = fs::read(&self.path).unwrap_or_default();
        let handed_back = self.before.get(now.len()..).unwrap_or_default();
        assert!(handed_back.iter().all(|byte| *byte == 0), "{} bytes", handed_back.len());
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::ino(&fs::metadata(&self.path).unwrap()), self.inode);
        self.before = now;
    }
}

#[test]
fn the_log_hands_back_nothing_but_zeros() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("b-wal");
    let mut blocks: Option<Blocks> = None;
    let devices = live(folder.path(), Erase::WhenAsked, |device| {
        let blocks = blocks.get_or_insert_with(|| Blocks::new(log.clone()));
        blocks.look();
        device.store.erase().unwrap();
        blocks.look();
    });
    let mut blocks = blocks.unwrap();
    drop(devices);
    blocks.look();
    let mut database = sqlite(&folder.path().join("b"), &Key::None).unwrap();
    blocks.look();
    database.compact().unwrap();
    blocks.look();
    drop(database);
    blocks.look();
}

/// A large transaction does not leave a large log behind.
#[test]
fn the_log_is_shortened_when_it_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let mut database = Sqlite::open(folder.path().join("b")).unwrap();
    let len = || fs::metadata(folder.path().join("b-wal")).unwrap().len();
    let put = |database: &mut Sqlite, len: usize| {
        database.begin().unwrap();
        database.put(&[1], &vec![7; len]).unwrap();
        database.commit().unwrap();
    };
    // The transactions that create the tables are also in the log.
    put(&mut database, 1);
    database.erase().unwrap();
    put(&mut database, 3 << 20);
    database.erase().unwrap();
    assert!(len() > 3 << 20);
    // The first round overwrites the value, the second round overwrites the value's frames in the
    // log, and the third round cuts off the zeros.
    for small in [2, 3, 4] {
        put(&mut database, small);
        database.erase().unwrap();
    }
    assert!(len() < 2 << 20, "{}", len());
    assert!(bytes(folder.path(), "b").iter().all(|file| file.windows(100).all(|window| window != [7; 100])));
}

/// Deleted values are overwritten even if several connections write, read and erase at the same
/// time.
#[test]
fn others_may_write_while_the_log_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("b");
    drop(sqlite(&path, &Key::None).unwrap());
    let write = |writer: u8| {
        let mut database = Sqlite::open(&path).unwrap();
        let (mut rng, mut model) = (rng(writer.into()), BTreeMap::new());
        for _ in 0..150 {
            database.begin().unwrap();
            for _ in 0..=rng.next_u32() % 3 {
                let key = vec![9, writer, (rng.next_u32() % 20) as u8];
                let mut value = vec![0; (rng.next_u32() % 9_000) as usize];
                rng.fill_bytes(&mut value);
                database.put(&key, &value).unwrap();
                model.insert(key, value);
            }
            database.commit().unwrap();
            match database.erase() {
                Ok(()) | Err(StoreError::Busy) => {}
                Err(error) => panic!("{error:?}"),
            }
            let mut seen = BTreeMap::new();
            let mut each = |key: &[u8], value: &[u8]| {
                seen.insert(key.to_vec(), value.to_vec());
                Ok(())
            };
            database.scan(&[9, writer][..]..&[9, writer + 1][..], &mut each).unwrap();
            assert!(seen == model);
        }
    };
    std::thread::scope(|scope| {
        (0..3).for_each(|writer| drop(scope.spawn(move || write(writer))));
    });
    let mut database = Sqlite::open(&path).unwrap();
    database.erase().unwrap();
    let check = "PRAGMA integrity_check";
    let sound: String = database.connection().query_row(check, [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn random_records_leave_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let mut database = Sqlite::open(folder.path().join("b")).unwrap();
    let mut rng = rng(3);
    let mut random = |len: usize| {
        let mut bytes = vec![0; len];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let (mut there, mut deleted) = (BTreeMap::<Vec<u8>, Vec<u8>>::new(), BTreeSet::new());
    for _ in 0..1_500 {
        database.begin().unwrap();
        for _ in 0..=random(1)[0] % 6 {
            let key = [random(3), vec![0; 24]].concat();
            match there.keys().nth(usize::from(random(1)[0])).cloned() {
                Some(key) if random(1)[0] % 2 == 0 => {
                    deleted.insert(there.remove(&key).unwrap()[..24].to_vec());
                    database.delete(&*key..&*[&*key, &[0]].concat()).unwrap();
                }
                _ => {
                    let len = [24, 32, 60, 64, 67, 150, 300, 3_000][usize::from(random(1)[0] % 8)];
                    let value = random(len);
                    database.put(&key, &value).unwrap();
                    deleted.extend(there.insert(key, value).map(|old| old[..24].to_vec()));
                }
            }
        }
        if there.len() > 300 {
            // This deletes a range of rows, as the store does when it deletes a past epoch.
            let (from, to) = (vec![random(1)[0]], vec![0xff]);
            database.delete(&*from..&*to).unwrap();
            deleted.extend(there.split_off(&from).into_values().map(|old| old[..24].to_vec()));
        }
        database.commit().unwrap();
    }
    database.erase().unwrap();
    assert!(deleted.len() > 1_500, "{}", deleted.len());
    assert_eq!(found(&deleted, &bytes(folder.path(), "b")), 0);
    let there: BTreeSet<_> = there.values().map(|value| value[..24].to_vec()).collect();
    assert_eq!(found(&there, &bytes(folder.path(), "b")), there.len());
    // The same holds after all records are moved.
    database.compact().unwrap();
    database.erase().unwrap();
    assert_eq!(found(&deleted, &bytes(folder.path(), "b")), 0);
    assert_eq!(found(&there, &bytes(folder.path(), "b")), there.len());
}
