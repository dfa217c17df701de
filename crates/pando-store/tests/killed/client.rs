//! A typical client application, which stores its outbox, inbox and cursor in one transaction with
//! the group.

use crate::delivery::{Delivery, Entry, Kind};
use crate::fixtures::{Device, receive, sqlite, suite, tea, template};
use pando_mls::{
    Decode, Encode, EpochRow, ExternalJoin, Group, GroupConfig, GroupInfo, KeyPackageTemplate, LeafIndex,
    LeafTemplate, MlsMessage, MlsMessageBody, Processed, RowKey, Rows, Welcome,
};
use pando_store::rusqlite::{Connection, OptionalExtension};
use pando_store::{GroupLock, Key, Sqlite, SqliteStore, StoreError, Transaction};
use rand_core::Rng;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, message BLOB NOT NULL, welcome BLOB);
    CREATE TABLE IF NOT EXISTS inbox (position INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS cursor (position INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS joined (epoch INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS candidates (key_package BLOB NOT NULL);
";

pub(crate) struct Client {
    pub(crate) number: u8,
    pub(crate) device: Device<Sqlite>,
    /// The file with digests of deleted secrets.
    gone: PathBuf,
    acknowledged: PathBuf,
    /// A file with one byte for each abandoned external Commit.
    abandoned: PathBuf,
}

impl Client {
    /// Opens the store, and checks that it contains no deleted secrets.
    pub(crate) fn start(folder: &Path, number: u8, seed: u64) -> Self {
        let name = ["a", "b", "c"][usize::from(number)];
        let key = if number == 1 { Key::None } else { Key::bytes(&[number; 32]).unwrap() };
        let store = sqlite(&folder.join(name), &key).unwrap();
        store.connection().execute_batch(TABLES).unwrap();
        // A message in an outbox must be decrypted even if other clients commit before it is sent.
        let config = GroupConfig::default().with_past_epochs(10);
        let device = Device::with_config(name, store, seed * 3 + u64::from(number), config).unwrap();
        let (gone, acknowledged) = (folder.join(format!("gone-{name}")), folder.join("acknowledged"));
        let mut client = Self { number, device, gone, acknowledged, abandoned: folder.join("abandoned") };
        let gone = fs::read(&client.gone).unwrap_or_default();
        let gone: HashSet<&[u8]> = gone.chunks_exact(8).collect();
        for (key, row) in client.rows().into_iter().chain(client.joining_rows()) {
            assert!(!gone.contains(digest(key, row.expose()).as_slice()), "{key:?} has come back");
        }
        client
    }

    pub(crate) fn own(&self) -> &Connection {
        self.device.store.connection()
    }

    fn rows(&mut self) -> Rows {
        if self.device.group.is_some() { self.device.stored() } else { Rows::new() }
    }

    /// Returns the rows of the external Commit that is not yet known to be accepted, or no rows if
    /// there is no such Commit.
    fn joining_rows(&mut self) -> Rows {
        self.with_lock(|store, lock| store.load_joining(lock).unwrap()).unwrap_or_default()
    }

    /// Returns the group in its state after our external Commit.
    fn joining(&mut self) -> Option<Group> {
        let rows = self.joining_rows();
        if rows.is_empty() {
            return None;
        }
        let psks = &self.device.store;
        Some(Group::load(&rows, &self.device.client(psks)).unwrap())
    }

    /// Calls a function with the lock of the group. If the client has loaded the group, it already
    /// holds the lock.
    fn with_lock<T>(&mut self, call: impl FnOnce(&mut SqliteStore, &GroupLock) -> T) -> T {
        let store = &mut self.device.store;
        match &self.device.group {
            Some((_, lock)) => call(store, lock),
            None => {
                let lock = store.lock(&tea(), Duration::ZERO).unwrap();
                call(store, &lock)
            }
        }
    }

    /// Records, outside of the stores, which secrets were deleted.
    fn note_gone(&self, before: &Rows, after: &Rows) {
        let gone = before.iter().filter(|(key, row)| {
            let secret = matches!(key, RowKey::Epoch(_, EpochRow::Secret(_)) | RowKey::PrivateKey(_));
            secret && after.get(key) != Some(row)
        });
        let bytes: Vec<u8> = gone.flat_map(|(key, row)| digest(*key, row.expose())).collect();
        append(&self.gone, &bytes);
    }

    /// Runs an operation on the group, and stores its changes together with the application's rows.
    fn operate<T>(
        &mut self,
        operation: impl FnOnce(
            &mut Group,
            &pando_mls::Context<'_>,
            &mut rand_chacha::ChaCha20Rng,
        ) -> Result<pando_mls::Unpersisted<T>, pando_mls::GroupError>,
        also: impl FnOnce(&mut Transaction<'_, Sqlite>, &T) -> Result<(), StoreError>,
    ) -> T {
        let before = self.rows();
        let result = self.device.operate(operation, also).unwrap();
        let after = self.rows();
        self.note_gone(&before, &after);
        result
    }

    /// Encrypts a message, and acknowledges it after it is stored in the outbox.
    pub(crate) fn write(&mut self, data: &[u8]) {
        if self.device.group().pending_proposals().next().is_some() {
            return;
        }
        self.operate(
            |group, client, rng| group.encrypt(data, client, rng),
            |transaction, message| outbox(transaction, message, None),
        );
        append(&self.acknowledged, &[&[self.number], data].concat());
    }

    pub(crate) fn propose_update(&mut self) {
        self.operate(
            |group, client, rng| group.propose_update(None, b"", client, rng),
            |transaction, message| outbox(transaction, message, None),
        );
    }

    /// Creates a Commit, unless one is already pending. The Commit adds a client that waits to be
    /// added, if there is one.
    pub(crate) fn commit(&mut self, remove: Option<LeafIndex>) {
        if self.device.group().pending_commit().is_some() {
            return;
        }
        let sql = "SELECT key_package FROM candidates";
        let candidate: Option<Vec<u8>> = self.own().query_row(sql, [], |row| row.get(0)).optional().unwrap();
        let candidate = candidate.map(|bytes| match MlsMessage::decode(&bytes).unwrap().body {
            MlsMessageBody::KeyPackage(key_package) => *key_package,
            other => panic!("{other:?}"),
        });
        self.operate(
            |group, cx, rng| {
                let mut builder = group.commit();
                if let Some(key_package) = candidate {
                    builder = builder.add(key_package);
                } else if let Some(leaf) = remove {
                    builder = builder.remove(leaf);
                }
                let output = builder.build(cx, rng)?;
                Ok(output.map(|output| (output.message, output.welcome)))
            },
            |transaction, (message, welcome)| outbox(transaction, message, welcome.as_ref()),
        );
    }

    /// Sends the messages in the outbox, and deletes each message from it.
    pub(crate) fn send(&mut self, delivery: &mut Delivery) {
        let sql = "SELECT id, message, welcome FROM outbox ORDER BY id LIMIT 1";
        loop {
            let row = self.own().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            let row: Option<(i64, Vec<u8>, Option<Vec<u8>>)> = row.optional().unwrap();
            let Some((id, message, welcome)) = row else { return };
            let is_accepted = delivery.accept(self.number, &message, welcome.as_deref());
            if !is_accepted && self.is_own_join(&message) {
                self.abandon_join();
            }
            self.own().execute("DELETE FROM outbox WHERE id = ?1", [id]).unwrap();
        }
    }

    /// Returns whether the client must join with an external Commit, because it was removed and has
    /// not asked to be added.
    pub(crate) fn is_outside(&mut self) -> bool {
        self.device.group.is_none()
            && self.device.store.key_packages().unwrap().is_empty()
            && self.joining_rows().is_empty()
    }

    /// Creates an external Commit, which replaces our leaf if there is one. The existing group is
    /// kept.
    pub(crate) fn join_externally(&mut self, group_info: &GroupInfo, own_leaf: Option<LeafIndex>) {
        if !self.joining_rows().is_empty() {
            return;
        }
        let KeyPackageTemplate { credential, capabilities, leaf_extensions: extensions, .. } =
            template(&self.device.name, 0);
        let mut rng = self.device.rng.clone();
        let psks = &self.device.store;
        let join = ExternalJoin::new(group_info, LeafTemplate { credential, capabilities, extensions })
            .replace_leaf(own_leaf);
        let joining = join.build(&self.device.client(psks), &mut rng).unwrap();
        self.device.rng = rng;
        self.with_lock(|store, lock| {
            store
                .persist(lock, joining, |transaction, (_, commit)| outbox(transaction, commit, None))
                .unwrap();
        });
    }

    fn is_own_join(&mut self, message: &[u8]) -> bool {
        let joining = self.joining();
        joining.is_some_and(|joining| joining.pending_commit().unwrap().encode().unwrap() == message)
    }

    fn abandon_join(&mut self) {
        let before = self.joining_rows();
        self.with_lock(|store, lock| {
            let mut transaction = store.begin().unwrap();
            transaction.abandon_join(lock).unwrap();
            transaction.commit().unwrap();
        });
        self.note_gone(&before, &Rows::new());
        append(&self.abandoned, &[0]);
    }

    /// Receives all new messages.
    pub(crate) fn receive(&mut self, delivery: &Delivery) {
        // The process may have been killed between two transactions.
        self.leave_if_removed();
        let sql = "SELECT coalesce(max(position), 0) FROM cursor";
        let position: i64 = self.own().query_row(sql, [], |row| row.get(0)).unwrap();
        for (at, entry) in delivery.log.iter().enumerate().skip(position as usize) {
            self.receive_one(at as i64, entry);
        }
    }

    fn receive_one(&mut self, at: i64, entry: &Entry) {
        let advance = move |transaction: &Transaction<'_, Sqlite>| {
            let own = transaction.connection();
            own.execute("INSERT INTO cursor VALUES (?1)", [at + 1])?;
            Ok::<_, StoreError>(())
        };
        if entry.kind == Kind::Commit
            && let Some(joining) = self.joining()
        {
            if self.is_own_join(&entry.bytes) {
                return self.accept_join(joining, entry, advance);
            }
            // Another Commit was accepted in the epoch of our external Commit.
            assert_eq!(Entry::of(&entry.bytes).1 + 1, joining.epoch());
            self.abandon_join();
        }
        let own_message = entry.from == self.number && entry.kind != Kind::Commit;
        let member = self.device.group.is_some();
        match entry.kind {
            Kind::Application | Kind::Proposal | Kind::Commit if member && !own_message => {
                self.process(at, entry, advance);
            }
            Kind::Welcome if self.number == 2 && !member => self.join(entry, advance),
            Kind::KeyPackage if self.number == 0 => {
                let transaction = self.device.store.begin().unwrap();
                let sql = "INSERT INTO candidates VALUES (?1)";
                transaction.connection().execute(sql, [&entry.bytes]).unwrap();
                advance(&transaction).unwrap();
                transaction.commit().unwrap();
            }
            kind => {
                let transaction = self.device.store.begin().unwrap();
                if kind == Kind::Welcome {
                    // All waiting clients have been added. If a Commit with an Add loses the race,
                    // it is created again.
                    transaction.connection().execute("DELETE FROM candidates", []).unwrap();
                }
                advance(&transaction).unwrap();
                transaction.commit().unwrap();
            }
        }
    }

    /// Enters the group of an accepted external Commit.
    fn accept_join(
        &mut self,
        mut joining: Group,
        entry: &Entry,
        advance: impl FnOnce(&Transaction<'_, Sqlite>) -> Result<(), StoreError>,
    ) {
        let (old_rows, joining_rows) = (self.rows(), self.joining_rows());
        let accepted = {
            let psks = &self.device.store;
            let message = MlsMessage::decode(&entry.bytes).unwrap();
            let processed = joining.process(message, &self.device.client(psks)).unwrap();
            assert!(matches!(processed.peek(), Processed::OwnCommit));
            processed.then(joining.merge_pending().unwrap()).unwrap()
        };
        self.with_lock(|store, lock| {
            let joined = |transaction: &mut Transaction<'_, Sqlite>, _: &_| {
                let sql = "INSERT INTO joined VALUES (?1)";
                transaction.connection().execute(sql, [joining.epoch() as i64])?;
                advance(transaction)
            };
            store.persist(lock, accepted, joined).unwrap();
        });
        self.device.reload().unwrap();
        let rows = self.rows();
        self.note_gone(&old_rows, &rows);
        self.note_gone(&joining_rows, &rows);
    }

    fn process(
        &mut self,
        at: i64,
        entry: &Entry,
        advance: impl FnOnce(&Transaction<'_, Sqlite>) -> Result<(), StoreError>,
    ) {
        let message = MlsMessage::decode(&entry.bytes).unwrap();
        let sql = "SELECT coalesce(max(epoch), 0) FROM joined";
        let joined: i64 = self.own().query_row(sql, [], |row| row.get(0)).unwrap();
        let before_joining = Entry::of(&entry.bytes).1 < joined as u64;
        self.operate(
            |group, client, _| {
                let received = receive(group, client, &message);
                // A joiner cannot process messages from before it joined.
                if received.is_err() && before_joining {
                    return Ok(group.take_delta().map(|()| None));
                }
                received
            },
            |transaction, data| {
                if let Some(data) = data {
                    let sql = "INSERT INTO inbox VALUES (?1, ?2)";
                    transaction.connection().execute(sql, (at, data))?;
                }
                advance(transaction)
            },
        );
        self.leave_if_removed();
    }

    /// Deletes the group after the client was removed from it. In half of the cases, the same
    /// transaction asks for the client to be added again. In the other half, the client will rejoin
    /// with an external Commit.
    fn leave_if_removed(&mut self) {
        if self.device.group.as_ref().is_none_or(|(group, _)| group.is_active()) {
            return;
        }
        let asks = self.device.rng.next_u32().is_multiple_of(2);
        let bundle = self.device.bundle();
        let before = self.rows();
        let (_, lock) = self.device.group.take().unwrap();
        let mut transaction = self.device.store.begin().unwrap();
        transaction.delete_group(&lock).unwrap();
        if asks {
            transaction.insert_key_package(suite(), &bundle, false).unwrap();
            let message = MlsMessage::from(bundle.key_package);
            outbox(&transaction, &message, None).unwrap();
        }
        transaction.commit().unwrap();
        self.note_gone(&before, &Rows::new());
    }

    fn join(
        &mut self,
        entry: &Entry,
        advance: impl FnOnce(&Transaction<'_, Sqlite>) -> Result<(), StoreError>,
    ) {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(&entry.bytes).unwrap().body else {
            panic!("not a Welcome")
        };
        let stored =
            self.device.store.key_package_for(&welcome).unwrap().expect("the client stores its KeyPackage");
        let (group, delta) = {
            let psks = &self.device.store;
            Group::join(&welcome, &stored.bundle, None, &self.device.client(psks)).unwrap()
        }
        .into_parts();
        let lock = self.device.store.lock(&tea(), Duration::ZERO).unwrap();
        let mut transaction = self.device.store.begin().unwrap();
        transaction.apply(&lock, &delta).unwrap();
        transaction.use_key_package(&lock, &stored.reference, pando_store::OldWelcome::Refuse).unwrap();
        let sql = "INSERT INTO joined VALUES (?1)";
        transaction.connection().execute(sql, [group.epoch() as i64]).unwrap();
        advance(&transaction).unwrap();
        transaction.commit().unwrap();
        self.device.group = Some((group, lock));
    }
}

fn outbox(
    transaction: &Transaction<'_, Sqlite>,
    message: &MlsMessage,
    welcome: Option<&Welcome>,
) -> Result<(), StoreError> {
    let welcome = welcome.map(|welcome| MlsMessage::from(welcome.clone()).encode()).transpose()?;
    let sql = "INSERT INTO outbox (message, welcome) VALUES (?1, ?2)";
    transaction.connection().execute(sql, (message.encode()?, welcome))?;
    Ok(())
}

pub(crate) fn append(path: &Path, bytes: &[u8]) {
    File::options().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn digest(key: RowKey, row: &[u8]) -> [u8; 8] {
    *Sha256::new().chain_update(key.to_bytes()).chain_update(row).finalize().first_chunk().unwrap()
}
