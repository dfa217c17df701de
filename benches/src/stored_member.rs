//! A member whose store is an encrypted SQLite database that overwrites deleted contents
//! immediately.

use crate::large_group::{LargeGroup, Member};
use crate::test_client::TestClient;
use pando_mls::wire::Opaque;
use pando_mls::{Decode, Delta, Encode, Group, GroupId, MlsMessage, Processed};
use pando_store::{GroupLock, Key, SqliteStore};
use rand_chacha::ChaCha20Rng;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The location of a member's store, and its durability.
#[derive(Debug, Clone)]
pub struct Place {
    /// The path of the database file.
    pub path: PathBuf,
    /// Whether a transaction is durable when it ends. Otherwise, the operating system writes its
    /// data to the disk later.
    pub durable: bool,
}

/// A member with a store that no other process has opened.
#[allow(missing_debug_implementations, reason = "for benchmarks only")]
pub struct StoredMember {
    /// The member whose group is stored.
    pub member: Member,
    store: SqliteStore,
    lock: GroupLock,
}

impl Place {
    /// Returns the location of the store in a folder.
    #[must_use]
    pub fn new(folder: &Path, durable: bool) -> Self {
        Self { path: folder.join("store"), durable }
    }

    fn open(&self) -> SqliteStore {
        let store = SqliteStore::open(&self.path, &Key::bytes(&[7; 32]).unwrap()).unwrap();
        if !self.durable {
            store.connection().execute_batch("PRAGMA synchronous = OFF").unwrap();
        }
        store
    }

    /// Returns the size of the database in bytes, including its log.
    #[must_use]
    pub fn size(&self) -> u64 {
        let log = format!("{}-wal", self.path.display());
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        size(&self.path) + size(Path::new(&log))
    }
}

impl StoredMember {
    /// Makes a newcomer join by an external Commit, and stores its group.
    #[must_use]
    pub fn join(large_group: &mut LargeGroup, place: &Place) -> Self {
        let client = large_group.newcomer();
        let LargeGroup { committer, receiver, rng, .. } = large_group;
        let (group_info, tree) = (committer.group_info(false), committer.tree());
        let (member, message, delta) = Member::join_externally(client, &group_info, &tree, None, rng);
        for other in [committer, receiver] {
            let _ = other.process_commit(&message);
        }
        let store = place.open();
        let lock = store.lock(&group_id(&member), Duration::ZERO).unwrap();
        let mut stored_member = Self { member, store, lock };
        stored_member.store(&delta);
        stored_member
    }

    /// Opens the store and the group that it contains.
    #[must_use]
    pub fn open(client: TestClient, place: &Place) -> Self {
        let store = place.open();
        let id = store.groups().unwrap().remove(0);
        let lock = store.lock(&id, Duration::ZERO).unwrap();
        let source = store.source(&lock).unwrap().unwrap();
        let group = Group::open(source, &client.cx()).unwrap();
        Self { member: Member { client, group }, store, lock }
    }

    /// Opens the store and the group, decrypts a message, and stores the changes.
    #[must_use]
    pub fn open_and_decrypt(client: TestClient, place: &Place, message: &[u8]) -> (Self, Opaque) {
        let mut stored_member = Self::open(client, place);
        let data = stored_member.decrypt(message);
        (stored_member, data)
    }

    /// Opens the store and the group, enters the epoch that a Commit starts, and stores the
    /// changes.
    #[must_use]
    pub fn open_and_process_commit(client: TestClient, place: &Place, message: &[u8]) -> Self {
        let mut stored_member = Self::open(client, place);
        stored_member.process_commit(message);
        stored_member
    }

    /// Closes the store and returns the client.
    #[must_use]
    pub fn close(self) -> TestClient {
        self.member.client
    }

    /// Decrypts a message, and stores the changes.
    pub fn decrypt(&mut self, message: &[u8]) -> Opaque {
        let (data, delta) = self.member.decrypt(message);
        self.store(&delta);
        data
    }

    /// Encrypts data, and stores the changes before the message can be sent.
    pub fn encrypt(&mut self, data: &[u8], rng: &mut ChaCha20Rng) -> Vec<u8> {
        let cx = self.member.client.cx();
        let (message, delta) = self.member.group.encrypt(data, &cx, rng).unwrap().into_parts();
        let message = message.encode().unwrap();
        self.store(&delta);
        message
    }

    /// Enters the epoch that a Commit starts, and stores the changes.
    pub fn process_commit(&mut self, message: &[u8]) {
        let message = MlsMessage::decode(message).unwrap();
        let processed =
            self.member.group.process(message, &self.member.client.cx()).unwrap().assume_persisted();
        let Processed::Commit(staged) = processed else { panic!("not a Commit") };
        let (_, delta) = self.member.group.merge(*staged).unwrap().into_parts();
        self.store(&delta);
    }

    fn store(&mut self, delta: &Delta) {
        let mut transaction = self.store.begin().unwrap();
        transaction.apply(&self.lock, delta).unwrap();
        transaction.commit().unwrap();
    }
}

fn group_id(member: &Member) -> GroupId {
    member.group.public().context().group_id.clone()
}
