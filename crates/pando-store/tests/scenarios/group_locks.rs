//! A group has only one writer at a time, even across processes. Other clients wait or receive an
//! error.

use crate::fixtures::{Device, group_of, sqlite, tea};
use crate::{Place, for_each_store};
use pando_store::{Key, Misuse, Sqlite, StoreError};
use std::time::Duration;
use std::{thread, time::Instant};
use tempfile::TempDir;

fn one(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    let mut other = place.open("a");
    assert!(matches!(other.lock(&tea(), Duration::ZERO), Err(StoreError::Busy)));
    // Other groups are not locked, and the locked group can still be read.
    other.lock(&b"coffee".as_slice().into(), Duration::ZERO).unwrap();
    assert!(other.contains(&tea()).unwrap());
    devices[0].group = None;
    let lock = other.lock(&tea(), Duration::ZERO).unwrap();
    assert!(other.load(&lock).unwrap().is_some());
    assert!(matches!(devices[0].reload(), Err(StoreError::Busy)));
    // Only one transaction can be open at a time.
    let transaction = other.begin().unwrap();
    assert!(matches!(devices[0].store.begin(), Err(StoreError::Busy)));
    drop(transaction);
    assert!(devices[0].store.begin().is_ok());
}

#[test]
fn one_at_a_time() {
    for_each_store!(one);
}

#[test]
fn who_waits_goes_on_where_the_other_has_stopped() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let mut first = Device::new("alice", sqlite(&path, &Key::None).unwrap(), 1).unwrap();
    first.create(&tea()).unwrap();
    let second = thread::spawn({
        let path = path.clone();
        move || {
            let store = sqlite(&path, &Key::None).unwrap();
            let began = Instant::now();
            let _lock = store.lock(&tea(), Duration::from_secs(60)).unwrap();
            (began.elapsed(), store.stored_group(&tea()).unwrap().unwrap().position)
        }
    });
    thread::sleep(Duration::from_millis(50));
    first.send(b"the last word").unwrap();
    let position = first.group().position();
    first.group = None;
    let (waited, seen) = second.join().unwrap();
    assert_eq!(seen, position);
    assert!(waited < Duration::from_secs(60));
}

#[test]
fn a_time_to_wait_may_be_of_any_length() {
    let folder = TempDir::new().unwrap();
    let mut sqlite = Sqlite::open(folder.path().join("a")).unwrap();
    let longest = Duration::from_millis(2_147_483_647);
    for wait in [longest + Duration::from_nanos(1), longest + Duration::from_millis(1), Duration::MAX] {
        assert!(matches!(sqlite.set_wait(wait), Err(StoreError::Misuse(Misuse::Wait))));
    }
    sqlite.set_wait(longest).unwrap();
}

fn for_ever(place: &impl Place) {
    let (store, other) = (place.open("a"), place.open("a"));
    let held = store.lock(&tea(), Duration::MAX).unwrap();
    let waiting = thread::spawn(move || other.lock(&tea(), Duration::MAX).map(drop));
    thread::sleep(Duration::from_millis(20));
    drop(held);
    waiting.join().unwrap().unwrap();
}

#[test]
fn a_lock_is_waited_for_for_ever() {
    for_each_store!(for_ever);
}

/// Opening a store again must not close its file, because a process that closes a file loses all
/// its locks on that file. SQLite holds a lock while a database is open.
#[cfg(target_os = "linux")]
#[test]
fn a_store_that_is_opened_again_keeps_its_locks() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a");
    let mut first = Device::new("alice", sqlite(&path, &Key::None).unwrap(), 1).unwrap();
    first.create(&tea()).unwrap();
    let inode = format!(":{} ", std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap()));
    let locks = || {
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        let of_this = |line: &&str| line.contains("POSIX") && line.contains(&inode);
        all.lines().filter(of_this).count()
    };
    assert_eq!(locks(), 1);
    let again = sqlite(&path, &Key::None).unwrap();
    assert_eq!(locks(), 1);
    drop(again);
    assert_eq!(locks(), 1);
}

/// Each group of a database has a single lock, whatever path is used to open the database.
#[cfg(unix)]
#[test]
fn a_database_with_two_names() {
    let folder = TempDir::new().unwrap();
    let (path, link) = (folder.path().join("a"), folder.path().join("link"));
    let store = sqlite(&path, &Key::None).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let other = sqlite(&link, &Key::None).unwrap();
    // The same holds if the link is created before the database.
    let (later, link) = (folder.path().join("later"), folder.path().join("link to later"));
    std::os::unix::fs::symlink(&later, &link).unwrap();
    drop(sqlite(&link, &Key::None).unwrap());
    assert!(later.is_file());
    let lock = store.lock(&tea(), Duration::ZERO).unwrap();
    assert!(matches!(other.lock(&tea(), Duration::ZERO), Err(StoreError::Busy)));
    drop(lock);
    assert!(other.lock(&tea(), Duration::ZERO).is_ok());
}
