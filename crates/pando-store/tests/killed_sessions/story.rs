//! The steps of the three clients. Each process begins at the first step. A step writes a row in
//! its transaction, and is skipped if that row already exists. Sending and receiving continue from
//! the stored outbox and inbox.

use crate::server::Server;
use pando_mls::{
    BasicIdentities, CipherSuite, Client, CommitBuilder, Credential, Decode, Encode, Group, GroupId,
    KeyPackage, Psk, RustCrypto,
};
use pando_store::session::{Event, ExternalCommit, Held, Received};
use pando_store::{Key, Session, Sqlite, SqliteStore, StoredSigner, Transaction};
use std::error::Error;
use std::path::Path;

type Written = Result<(), Box<dyn Error + Send + Sync>>;

const TABLES: &str = "CREATE TABLE IF NOT EXISTS done (step TEXT PRIMARY KEY, value BLOB);
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, message BLOB);
    CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, text TEXT);";

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

struct Member {
    session: Session<Sqlite>,
    identity: StoredSigner,
}

struct Chat {
    server: Server,
    members: [Member; 3],
}

fn chat() -> GroupId {
    "chat".into()
}

/// Records that a step is done.
fn done(tx: &mut Transaction<'_, Sqlite>, step: &str, value: &[u8]) -> Written {
    tx.connection().execute("INSERT INTO done VALUES (?1, ?2)", (step, value))?;
    Ok(())
}

/// Puts a message into the outbox, and records that the step is done.
fn queue(tx: &mut Transaction<'_, Sqlite>, step: &str, message: &[u8]) -> Written {
    tx.connection().execute("INSERT INTO outbox (message) VALUES (?1)", [message])?;
    done(tx, step, &[])
}

/// Returns whether a message must wait. In that case, the position in the log does not advance.
fn waits(received: &Received) -> bool {
    match received {
        Received::Applied { .. } | Received::Rejected(_) => false,
        // The message is older than the client's membership.
        Received::Held(held) => !matches!(held, Held::NoGroup(_) | Held::Epoch { .. }),
    }
}

/// Records that a message was read, with its text, unless the message must wait.
fn note(tx: &mut Transaction<'_, Sqlite>, received: &Received) -> Written {
    if !waits(received) {
        let text = match received {
            Received::Applied { events, .. } => events.first().and_then(Event::text),
            _ => None,
        };
        tx.connection().execute("INSERT INTO inbox (text) VALUES (?1)", [text])?;
    }
    Ok(())
}

impl Member {
    fn start(folder: &Path, name: &str) -> Self {
        let store = SqliteStore::open(folder.join(name), &Key::bytes(&[7; 32]).unwrap()).unwrap();
        let mut session = Session::new(store, Client::new(BasicIdentities));
        session.store().connection().execute_batch(TABLES).unwrap();
        let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
        let identity = session.identity(suite, Credential::basic(name)).unwrap();
        Self { session, identity }
    }

    /// Returns the recorded value of a step, if it was done.
    fn value(&self, step: &str) -> Option<Vec<u8>> {
        let mut rows =
            self.session.store().connection().prepare("SELECT value FROM done WHERE step = ?1").unwrap();
        rows.query_map([step], |row| row.get(0)).unwrap().next().transpose().unwrap()
    }

    fn is_done(&self, step: &str) -> bool {
        self.value(step).is_some()
    }

    fn key_package(&mut self) -> KeyPackage {
        let step = "publish a KeyPackage";
        if !self.is_done(step) {
            let write = |tx: &mut Transaction<'_, Sqlite>, it: &KeyPackage| done(tx, step, &it.encode()?);
            self.session.create_key_package(&self.identity, |it| it, write).unwrap();
        }
        KeyPackage::decode(&self.value(step).unwrap()).unwrap()
    }

    fn create_group(&mut self) {
        let step = "create the group";
        if !self.is_done(step) {
            let write = |tx: &mut Transaction<'_, Sqlite>, _: &GroupId| done(tx, step, &[]);
            self.session.create_group(Group::builder(chat()), &self.identity, write).unwrap();
        }
    }

    fn commit(&mut self, step: &str, fill: impl for<'a> FnOnce(CommitBuilder<'a>) -> CommitBuilder<'a>) {
        if !self.is_done(step) {
            self.session.commit(&chat(), fill, |tx, commit| queue(tx, step, &commit.message)).unwrap();
        }
    }

    /// Accepts our Commit before the server returns it.
    fn accept_commit(&mut self, step: &str) {
        if !self.is_done(step) {
            self.session.accept_commit(&chat(), |tx, _| done(tx, step, &[])).unwrap();
        }
    }

    fn write(&mut self, text: &str) {
        if !self.is_done(text) {
            self.session.send(&chat(), text, |tx, message| queue(tx, text, message)).unwrap();
        }
    }

    fn learn_psk(&mut self) {
        let step = "learn the PSK";
        if !self.is_done(step) {
            let mut transaction = self.session.store_mut().begin().unwrap();
            transaction.put_psk(b"tea", &[7; 32].as_slice().into()).unwrap();
            done(&mut transaction, step, &[]).unwrap();
            transaction.commit().unwrap();
        }
    }

    /// Sends the outbox. A message may be sent again after a restart.
    fn send(&self, server: &mut Server) {
        let own = self.session.store().connection();
        let mut outbox = own.prepare("SELECT message FROM outbox ORDER BY id").unwrap();
        let messages = outbox.query_map([], |row| row.get(0)).unwrap();
        messages.for_each(|message| server.accept(message.unwrap()));
        own.execute("DELETE FROM outbox", []).unwrap();
    }

    /// Sends the outbox, receives messages until one must wait, and sends the Welcomes of accepted
    /// Commits.
    fn sync(&mut self, server: &mut Server) {
        self.send(server);
        while let Some(message) = server.log.get(self.inbox().len()) {
            if waits(&self.session.receive(message, note).unwrap()) {
                break;
            }
        }
        let send = |welcome: &[u8]| {
            server.accept(welcome.to_vec());
            Ok(())
        };
        self.session.send_outbox(&chat(), send).unwrap();
    }

    /// Returns the text of each received message, if it has one.
    fn inbox(&self) -> Vec<Option<String>> {
        let own = self.session.store().connection();
        let mut inbox = own.prepare("SELECT text FROM inbox ORDER BY id").unwrap();
        inbox.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

impl Chat {
    fn sync(&mut self) {
        for at in [ALICE, BOB, CAROL, ALICE, BOB, CAROL] {
            self.members[at].sync(&mut self.server);
        }
    }

    fn rejoin_externally(&mut self, who: usize, helper: usize) {
        let (forget, join) = ("lose the group", "join externally");
        if !self.members[who].is_done(forget) {
            self.members[who].session.delete_group(&chat(), |tx, _| done(tx, forget, &[])).unwrap();
        }
        if !self.members[who].is_done(join) {
            let group_info = self.members[helper].session.group_info(&chat(), |it| it).unwrap();
            let Member { session, identity } = &mut self.members[who];
            let write =
                |tx: &mut Transaction<'_, Sqlite>, commit: &ExternalCommit| queue(tx, join, &commit.message);
            session.join_externally(&group_info, None, identity, |it| it, write).unwrap();
        }
    }

    fn check(&mut self) {
        let expected: [&[&str]; 3] =
            [&["at six", "here again"], &["at five?"], &["at five?", "at six", "here again"]];
        for (member, expected) in self.members.iter().zip(expected) {
            let inbox = member.inbox();
            assert_eq!(inbox.len(), self.server.log.len(), "everything was taken");
            assert_eq!(inbox.into_iter().flatten().collect::<Vec<_>>(), expected, "each text once");
        }
        assert_eq!(self.server.application_messages(), 3, "each message was sent once");
        let authenticators = self.members.each_mut().map(|Member { session, .. }| {
            assert!(session.outbox(&chat()).unwrap().is_empty());
            assert!(session.joining(&chat()).unwrap().is_none());
            assert!(session.store().key_packages().unwrap().is_empty());
            let findings = session.store().verify(&RustCrypto, &BasicIdentities).unwrap();
            assert!(findings.is_empty(), "{findings:?}");
            let group = session.group(&chat()).unwrap();
            assert!(group.pending_commit().is_none());
            group.epoch_authenticator().unwrap().expose().to_vec()
        });
        assert!(authenticators.iter().all(|authenticator| *authenticator == authenticators[0]));
    }
}

/// Runs all steps that have not been done before.
pub(crate) fn live(folder: &Path) {
    let members = ["alice", "bob", "carol"].map(|name| Member::start(folder, name));
    let mut chat = Chat { server: Server::open(folder), members };
    let (bob, carol) = (chat.members[BOB].key_package(), chat.members[CAROL].key_package());
    chat.members[ALICE].create_group();
    chat.members[ALICE].commit("add", |commit| commit.add(bob).add(carol));
    chat.members[ALICE].send(&mut chat.server);
    chat.members[ALICE].accept_commit("accept");
    chat.sync();
    chat.members[ALICE].write("at five?");
    chat.sync();

    // Two Commits of the same epoch race.
    chat.members[ALICE].commit("race", |commit| commit);
    chat.members[BOB].commit("race", |commit| commit);
    chat.members[BOB].sync(&mut chat.server);
    chat.sync();

    // A forged message does not block the message after it.
    chat.server.append(b"forged".to_vec());
    chat.members[BOB].write("at six");
    chat.sync();

    // Carol waits for a pre-shared key.
    chat.members[ALICE].learn_psk();
    chat.members[BOB].learn_psk();
    let psk = Psk::External { psk_id: "tea".into() };
    chat.members[ALICE].commit("mix a PSK in", |commit| commit.psk(psk));
    chat.sync();
    chat.members[CAROL].learn_psk();
    chat.sync();

    // Bob loses his group, and rejoins it.
    chat.rejoin_externally(BOB, ALICE);
    chat.sync();
    chat.members[BOB].write("here again");
    chat.sync();
    chat.check();
}
