//! Two clients chat, each with a store. What goes out, what has come in, and how far a client has read, are in
//! tables of the application's own, written in one transaction with the group: so a client can stop at any point.
//! Here each of them stops after every step.
//!
//! `cargo run -p pando-store --example outbox`

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use pando_mls::{
    Capabilities, CipherSuite, Client, Context, Credential, CredentialType, CryptoProvider, Decode, Encode,
    Extensions, FramingError, Group, GroupError, GroupId, KeyPackageBundle, KeyPackageTemplate, Lifetime,
    MlsMessage, MlsMessageBody, Processed, RustCrypto, Signer, Suite, Unpersisted,
};
use pando_store::rusqlite::{self, OptionalExtension};
use pando_store::{GroupLock, Key, OldWelcome, SqliteStore, StoreError};
use rand_core::CryptoRng;
use std::path::Path;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The application's tables.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, message BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS inbox (position INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS cursor (position INTEGER NOT NULL) STRICT;
";

/// A delivery service that gives everybody everything in one order, and takes what is sent twice once.
#[derive(Default)]
struct DeliveryService(Vec<Vec<u8>>);

impl DeliveryService {
    fn accept(&mut self, message: Vec<u8>) {
        if !self.0.contains(&message) {
            self.0.push(message);
        }
    }
}

/// A client, as it is after it was started.
struct Running {
    store: SqliteStore,
    signer: Box<dyn Signer>,
}

impl Running {
    /// Opens the store, and makes a signature key if there is none.
    fn start(path: &Path, name: &str) -> Result<Self> {
        let key = Key::bytes(&[7; 32])?; // From the operating system's store of keys.
        let mut store = SqliteStore::open(path, &key)?;
        store.connection().execute_batch(TABLES)?;
        let public_key = match store.signers()?.pop() {
            Some(stored) => stored.public_key,
            None => {
                let private_key = suite()?.signature_generate_key(&mut rng())?;
                let mut transaction = store.begin()?;
                let public_key = transaction.put_signer(suite()?, &private_key, &credential(name))?;
                transaction.commit()?;
                public_key
            }
        };
        let signer = store.signer(suite()?, &public_key)?.ok_or("no signature key")?;
        Ok(Self { store, signer })
    }

    fn cx<'a>(&'a self, client: &'a Client) -> Context<'a> {
        client.without_clock(&*self.signer).with_psks(&self.store).with_groups(&self.store)
    }

    fn bundle(&self, name: &str) -> Result<KeyPackageBundle> {
        let template = KeyPackageTemplate {
            credential: credential(name),
            capabilities: Capabilities::new([suite()?.cipher_suite()], [CredentialType::BASIC]),
            lifetime: Lifetime { not_before: 0, not_after: u64::MAX },
            leaf_extensions: Extensions::default(),
            extensions: Extensions::default(),
        };
        Ok(KeyPackageBundle::new(suite()?, template, &*self.signer, &mut rng())?)
    }

    /// Does something with the group, and stores what it has changed together with what `also` writes.
    fn operate<T: 'static>(
        &mut self,
        operation: impl FnOnce(&mut Group, &Context<'_>) -> Result<Unpersisted<T>>,
        also: impl FnOnce(&rusqlite::Connection, &T) -> std::result::Result<(), StoreError>,
    ) -> Result<T> {
        let lock = self.lock()?;
        let rows = self.store.load(&lock)?.ok_or("no group")?;
        let result = {
            let client = Client::default();
            let cx = self.cx(&client);
            let mut group = Group::load(&rows, &cx)?;
            operation(&mut group, &cx)?
        };
        Ok(self.store.persist(&lock, result, |transaction, result| also(transaction.connection(), result))?)
    }

    fn lock(&self) -> Result<GroupLock> {
        Ok(self.store.lock(&chat(), Duration::from_secs(1))?)
    }

    /// Encrypts, and puts the message into the outbox. It is not sent yet.
    fn write(&mut self, text: &str) -> Result<()> {
        let encrypt = |group: &mut Group, client: &Context<'_>| {
            Ok(group.encrypt(text.as_bytes(), client, &mut rng())?)
        };
        self.operate(encrypt, |own, message| {
            own.execute("INSERT INTO outbox (message) VALUES (?1)", [message.encode()?])?;
            Ok(())
        })?;
        Ok(())
    }

    /// Sends what is in the outbox: perhaps once more, if the client was stopped before it had noticed.
    fn send(&mut self, service: &mut DeliveryService) -> Result<()> {
        let own = self.store.connection();
        let sql = "SELECT id, message FROM outbox ORDER BY id LIMIT 1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
        while let Some((id, message)) = own.query_row(sql, [], row).optional()? {
            service.accept(message);
            own.execute("DELETE FROM outbox WHERE id = ?1", [id])?;
        }
        Ok(())
    }

    /// Takes the next message, whose position is in the same transaction as what it said.
    fn receive(&mut self, service: &DeliveryService) -> Result<bool> {
        let sql = "SELECT coalesce(max(position), 0) FROM cursor";
        let position: i64 = self.store.connection().query_row(sql, [], |row| row.get(0))?;
        let Some(message) = usize::try_from(position).ok().and_then(|at| service.0.get(at)) else {
            return Ok(false);
        };
        let message = MlsMessage::decode(message)?;
        // There are no Commits in this chat. A client with Commits merges them here, in the same transaction.
        let take = |group: &mut Group, client: &Context<'_>| match group.process(message, client) {
            Ok(processed) => Ok(processed.map(Some)),
            // Our own message has come back.
            Err(GroupError::Framing(FramingError::OwnMessage)) => Ok(group.take_delta().map(|()| None)),
            Err(error) => Err(error.into()),
        };
        self.operate(take, |own, processed| {
            if let Some(Processed::Application { data, .. }) = processed {
                let text = String::from_utf8_lossy(data);
                own.execute("INSERT INTO inbox VALUES (?1, ?2)", (position, text))?;
            }
            own.execute("INSERT INTO cursor VALUES (?1)", [position.saturating_add(1)])?;
            Ok(())
        })?;
        Ok(true)
    }

    /// What has come in.
    fn inbox(&self) -> Result<Vec<String>> {
        let mut statement = self.store.connection().prepare("SELECT text FROM inbox ORDER BY position")?;
        let texts = statement.query_map([], |row| row.get(0))?;
        Ok(texts.collect::<std::result::Result<_, _>>()?)
    }
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let start = |name: &str| Running::start(&folder.path().join(name), name);
    let mut service = DeliveryService::default();

    // Bob publishes a KeyPackage, with the private keys in his store.
    let mut bob = start("bob")?;
    let bundle = bob.bundle("bob")?;
    let mut transaction = bob.store.begin()?;
    transaction.insert_key_package(suite()?, &bundle, false)?;
    transaction.commit()?;
    drop(bob);

    // Alice makes a group and adds him. Each result comes out when it is stored.
    let mut alice = start("alice")?;
    let alices = alice.bundle("alice")?;
    let lock = alice.lock()?;
    let created = {
        let client = Client::default();
        Group::builder(chat()).build(alices, &alice.cx(&client), &mut rng())?
    };
    alice.store.persist(&lock, created, |_, _| Ok::<_, StoreError>(()))?;
    drop(lock);
    let added = |group: &mut Group, client: &Context<'_>| {
        Ok(group.commit().add(bundle.key_package).build(client, &mut rng())?)
    };
    let commit = alice.operate(added, |_, _| Ok(()))?;
    // The delivery service has accepted the Commit.
    alice.operate(|group, _| Ok(group.merge_pending()?), |_, ()| Ok(()))?;
    let welcome = commit.welcome.ok_or("a member was added")?;
    drop(alice);

    // Bob finds the KeyPackage that the Welcome is for. It is used up when the group is stored.
    let mut bob = start("bob")?;
    let stored = bob.store.key_package_for(&welcome)?.ok_or("not for Bob")?;
    let joined = {
        let client = Client::default();
        Group::join(&welcome, &stored.bundle, None, &bob.cx(&client))?
    };
    let lock = bob.store.lock(&joined.peek().public().context().group_id, Duration::from_secs(1))?;
    bob.store.persist(&lock, joined, |transaction, _| {
        transaction.use_key_package(&lock, &stored.reference, OldWelcome::Refuse)
    })?;
    drop((lock, bob));

    // They talk, and stop after every step.
    for (from, to, text) in
        [("alice", "bob", "at five?"), ("bob", "alice", "at six"), ("alice", "bob", "six it is")]
    {
        start(from)?.write(text)?;
        start(from)?.send(&mut service)?;
        while start(to)?.receive(&service)? {}
        println!("{to} has read {:?}", start(to)?.inbox()?);
    }
    assert_eq!(start("bob")?.inbox()?, ["at five?", "six it is"]);
    assert_eq!(start("alice")?.inbox()?, ["at six"]);
    for message in &service.0 {
        assert!(matches!(MlsMessage::decode(message)?.body, MlsMessageBody::PrivateMessage(_)));
    }
    Ok(())
}

fn chat() -> GroupId {
    b"chat".as_slice().into()
}

fn credential(name: &str) -> Credential {
    Credential::Basic { identity: name.as_bytes().into() }
}

fn suite() -> Result<Suite> {
    let suite = RustCrypto.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519);
    Ok(suite.ok_or("no such cipher suite")?)
}

fn rng() -> impl CryptoRng {
    UnwrapErr(SysRng)
}
