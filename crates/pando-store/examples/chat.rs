//! Three clients chat over a delivery service in memory. Each client stores its outbox and its
//! inbox in one transaction with its group, so it can stop at any point. Here, each client stops
//! after every step. Run it with `cargo run --release -p pando-store --example chat`.

use pando_mls::{wire::ContentType, *};
use pando_store::session::{Event, Held, Received, no_rows};
use pando_store::{Key, Session, Sqlite, SqliteStore, StoredSigner, Transaction};
use std::path::Path;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
const CHAT: &str = "chat";
const TABLES: &str = "CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, message BLOB);
    CREATE TABLE IF NOT EXISTS inbox (text TEXT);";

/// A delivery service with a log of messages, which contains one Commit for each epoch.
#[derive(Default)]
struct Server(Vec<Vec<u8>>, u64);

impl Server {
    /// Appends a message. Drops duplicates and any second Commit of an epoch.
    fn accept(&mut self, bytes: Vec<u8>) -> Result {
        let message = MlsMessage::decode(&bytes)?;
        let is_commit = message.content_type() == Some(ContentType::Commit);
        if !self.0.contains(&bytes) && (!is_commit || message.epoch() == Some(self.1)) {
            self.1 = self.1.saturating_add(is_commit.into());
            self.0.push(bytes);
        }
        Ok(())
    }
}

/// A running client with its identity.
struct Running(Session<Sqlite>, StoredSigner);

impl Running {
    fn start(folder: &Path, name: &str) -> Result<Self> {
        let key = Key::bytes(&[7; 32])?; // A real key comes from the system's keychain.
        let mut session = Session::new(SqliteStore::open(folder.join(name), &key)?, Client::default());
        session.store().connection().execute_batch(TABLES)?;
        let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
        let identity = session.identity(suite, Credential::basic(name))?;
        Ok(Self(session, identity))
    }

    fn commit(mut self, fill: impl for<'a> FnOnce(CommitBuilder<'a>) -> CommitBuilder<'a>) -> Result {
        self.0.commit(&CHAT.into(), fill, queue)?;
        Ok(())
    }

    fn write(mut self, text: &str) -> Result {
        Ok(self.0.send(&CHAT.into(), text, queue).map(drop)?)
    }

    fn learn_psk(mut self) -> Result {
        let mut transaction = self.0.store_mut().begin()?;
        transaction.put_psk(b"tea", &[7; 32].as_slice().into())?;
        Ok(transaction.commit()?)
    }

    /// Sends the outbox, possibly a second time. Then receives messages until a message is held.
    fn sync(mut self, server: &mut Server) -> Result<Vec<Event>> {
        let (own, mut events) = (self.0.store().connection(), Vec::new());
        let mut outbox = own.prepare("SELECT message FROM outbox ORDER BY id")?;
        outbox.query_map([], |row| row.get(0))?.try_for_each(|message| server.accept(message?))?;
        own.execute("DELETE FROM outbox", [])?;
        drop(outbox);
        loop {
            let own = self.0.store().connection();
            let position: i64 = own.query_row("SELECT count(*) FROM inbox", [], |row| row.get(0))?;
            let Some(message) = server.0.get(usize::try_from(position)?) else { break };
            match self.0.receive(message, note)? {
                Received::Applied { events: applied, .. } => events.extend(applied),
                Received::Rejected(_) | Received::Held(Held::NoGroup(_) | Held::Epoch { .. }) => {}
                Received::Held(_) => break,
            }
        }
        self.0.send_outbox(&CHAT.into(), |welcome| server.accept(welcome.to_vec()))?;
        Ok(events)
    }
}

/// Stores a message in the outbox.
fn queue<M: AsRef<[u8]> + ?Sized>(tx: &mut Transaction<'_, Sqlite>, message: &M) -> Result {
    let sql = "INSERT INTO outbox (message) VALUES (?1)";
    Ok(tx.connection().execute(sql, [message.as_ref()]).map(drop)?)
}

/// Stores a received message with its text, unless it is held.
fn note(tx: &mut Transaction<'_, Sqlite>, received: &Received) -> Result {
    let text = match received {
        Received::Applied { events, .. } => events.first().and_then(Event::text),
        // The message is forged, or it is older than the client's membership.
        Received::Rejected(_) | Received::Held(Held::NoGroup(_) | Held::Epoch { .. }) => None,
        Received::Held(_) => return Ok(()),
    };
    Ok(tx.connection().execute("INSERT INTO inbox VALUES (?1)", [text]).map(drop)?)
}

pub(crate) fn main() -> Result {
    let (folder, server) = (tempfile::tempdir()?, &mut Server::default());
    let start = |name| Running::start(folder.path(), name);
    let sync = |server: &mut Server, _: ()| -> Result<Vec<Event>> {
        let all = ["alice", "bob", "carol", "alice", "bob", "carol"].into_iter();
        Ok(all.map(|name| start(name)?.sync(server)).collect::<Result<Vec<_>>>()?.concat())
    };
    let key_package = |name| -> Result<KeyPackage> {
        let Running(mut session, identity) = start(name)?;
        Ok(session.create_key_package(&identity, |it| it, no_rows)?)
    };
    let (bob, carol, mut alice) = (key_package("bob")?, key_package("carol")?, start("alice")?);
    alice.0.create_group(Group::builder(CHAT), &alice.1, no_rows)?;
    sync(server, alice.commit(|commit| commit.add(bob).add(carol))?)?;
    sync(server, start("alice")?.write("at five?")?)?;

    // Two Commits race, and the first one in the log wins.
    start("alice")?.commit(|commit| commit)?;
    start("bob")?.commit(|commit| commit)?;
    start("bob")?.sync(server)?;
    assert!(sync(server, ())?.contains(&Event::OwnCommitLost(Vec::new())));

    // A forged message is rejected, and does not block the next message.
    server.0.push(server.0.concat());
    sync(server, start("bob")?.write("at six")?)?;

    // Carol waits for a pre-shared key.
    start("alice")?.learn_psk().and(start("bob")?.learn_psk())?;
    let psk = Psk::External { psk_id: "tea".into() };
    sync(server, start("alice")?.commit(|commit| commit.psk(psk))?)?;
    sync(server, start("carol")?.learn_psk()?)?;

    // Bob loses his group, and rejoins with an external Commit.
    let group_info = start("alice")?.0.group_info(&CHAT.into(), |it| it)?;
    let mut bob = start("bob")?;
    bob.0.delete_group(&CHAT.into(), no_rows)?;
    bob.0.join_externally(&group_info, None, &bob.1, |it| it, queue)?;
    assert!(sync(server, drop(bob))?.iter().any(|event| matches!(event, Event::JoinAccepted { .. })));
    sync(server, start("bob")?.write("here again")?)?;

    let (carol, sql) = (start("carol")?, "SELECT group_concat(text, '; ') FROM inbox");
    let texts: String = carol.0.store().connection().query_row(sql, [], |row| row.get(0))?;
    println!("Carol has read: {texts}");
    assert_eq!(texts, "at five?; at six; here again");
    Ok(())
}
