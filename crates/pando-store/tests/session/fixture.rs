//! Members with their sessions. Pre-shared keys serve as the application's rows, because every
//! backend stores them.

#![allow(dead_code, unreachable_pub, reason = "two tests share it, and each uses a part")]

use pando_mls::wire::{Sender, SignaturePublicKey};
use pando_mls::{
    CipherSuite, Client, CommitBuilder, Context, Credential, CryptoProvider, CryptoRng, Encode, Group,
    GroupConfig, GroupError, GroupId, KeyPackage, LeafIndex, MlsMessage, PendingProposal, Proposal,
    RustCrypto, Signer, Suite, Unpersisted,
};
use pando_store::session::{AppError, Event, ExternalCommit, Received, no_rows};
use pando_store::{Backend, Key, Memory, Session, Store, StoredSigner, Transaction};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::cell::Cell;

pub const NOW: u64 = 1_000_000;
pub const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

pub fn suite() -> Suite {
    RustCrypto.suite(SUITE).unwrap()
}

pub fn tea() -> GroupId {
    "tea".into()
}

/// Returns a session at the time [`NOW`]. The session's seed differs from the seeds of all other
/// sessions of the test.
pub fn session<B: Backend>(store: Store<B>, client: Client) -> Session<B> {
    thread_local!(static SESSIONS: Cell<u64> = const { Cell::new(0) });
    let seed = SESSIONS.replace(SESSIONS.get() + 1);
    Session::with_sources(store, client, || NOW, ChaCha20Rng::seed_from_u64(seed))
}

/// Returns the settings of a client that sends its proposals and Commits unencrypted.
pub fn public_handshakes() -> Client {
    Client::default().with_config(GroupConfig::default().with_encrypt_handshakes(false))
}

/// Writes a row of the application.
pub fn put<B: Backend>(
    transaction: &mut Transaction<'_, B>,
    name: &str,
    value: &[u8],
) -> Result<(), AppError> {
    Ok(transaction.put_psk(name.as_bytes(), &value.into())?)
}

/// A client with its session.
pub struct Member<B: Backend = Memory> {
    pub session: Session<B>,
    pub identity: StoredSigner,
    client: Client,
    open: Box<dyn Fn() -> Store<B>>,
    received: usize,
}

impl Member {
    pub fn new(name: &str) -> Self {
        Self::with_client(name, Client::default())
    }

    pub fn with_client(name: &str, client: Client) -> Self {
        let database = Memory::new();
        Self::open(name, client, move || Store::new(database.again().unwrap(), &Key::None).unwrap())
    }
}

impl<B: Backend> Member<B> {
    /// Returns a client with a new identity in the store that `open` opens.
    pub fn open(name: &str, client: Client, open: impl Fn() -> Store<B> + 'static) -> Self {
        let mut session = session(open(), client.clone());
        let identity = session.create_identity(SUITE, Credential::basic(name)).unwrap();
        Self { session, identity, client, open: Box::new(open), received: 0 }
    }

    /// Ends the session, and starts another one on the same database.
    pub fn restart(&mut self) {
        self.session = self.another_session();
    }

    /// Returns another session on the same database.
    pub fn another_session(&self) -> Session<B> {
        session((self.open)(), self.client.clone())
    }

    /// Restarts the session with other client settings.
    pub fn restart_with(&mut self, client: Client) {
        self.client = client;
        self.restart();
    }

    /// Passes a message to the session. Asserts that the closure is called once with the returned
    /// result, and that the row of the closure is stored.
    pub fn receive(&mut self, bytes: &[u8]) -> Received {
        self.take(|session, app| session.receive(bytes, |tx, received| app(tx, received)))
    }

    /// Passes a Welcome to the session, together with the tree if one is given.
    pub fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Received {
        self.take(|session, app| session.join(welcome, tree, |tx, received| app(tx, received)))
    }

    fn take(
        &mut self,
        take: impl FnOnce(
            &mut Session<B>,
            &mut dyn FnMut(&mut Transaction<'_, B>, &Received) -> Result<(), AppError>,
        ) -> Result<Received, pando_store::session::SessionError>,
    ) -> Received {
        self.received += 1;
        let (name, mut told) = (format!("received {}", self.received), Vec::new());
        let mut app = |transaction: &mut Transaction<'_, B>, received: &Received| {
            told.push(format!("{received:?}"));
            put(transaction, &name, b"seen")
        };
        let received = take(&mut self.session, &mut app).unwrap();
        assert_eq!(told, [format!("{received:?}")]);
        assert_eq!(self.row(&name).unwrap(), b"seen");
        received
    }

    /// Receives a message that must be applied, and returns its events.
    pub fn apply(&mut self, bytes: &[u8]) -> Vec<Event> {
        match self.receive(bytes) {
            Received::Applied { events, .. } => events,
            other => panic!("{other:?}"),
        }
    }

    /// Receives a message of another member, and returns its text.
    pub fn read(&mut self, bytes: &[u8]) -> String {
        match &self.apply(bytes)[..] {
            [event] => event.text().unwrap().into(),
            other => panic!("{other:?}"),
        }
    }

    pub fn send(&mut self, text: &str) -> Vec<u8> {
        self.session.send(&tea(), text, no_rows).unwrap()
    }

    pub fn commit(&mut self, fill: impl for<'a> FnOnce(CommitBuilder<'a>) -> CommitBuilder<'a>) -> Vec<u8> {
        self.session.commit(&tea(), fill, no_rows).unwrap().message
    }

    /// Enters the epoch of the pending Commit, and returns the events.
    pub fn accept(&mut self) -> Vec<Event> {
        let mut told = Vec::new();
        let is_joining = self.session.joining(&tea()).unwrap().is_some();
        let mut note = |events: &[Event]| told.extend_from_slice(events);
        let accepted = if is_joining {
            self.session.accept_join(&tea(), |_, events| {
                note(events);
                Ok(())
            })
        } else {
            self.session.accept_commit(&tea(), |_, events| {
                note(events);
                Ok(())
            })
        };
        let events = accepted.unwrap();
        assert_eq!(told, events);
        events
    }

    pub fn operate<T>(
        &mut self,
        operation: impl FnOnce(&mut Group, &Context<'_>, &mut dyn CryptoRng) -> Result<Unpersisted<T>, GroupError>,
    ) -> T {
        self.session.operate(&tea(), operation, no_rows).unwrap()
    }

    /// Sends a proposal. Returns the message and the pending proposal.
    pub fn propose(&mut self, proposal: Proposal) -> (Vec<u8>, PendingProposal) {
        let message = self.operate(|group, cx, rng| group.propose(proposal, b"", cx, rng));
        let pending = self.group().pending_proposals().last().unwrap().clone();
        (message.encode().unwrap(), pending)
    }

    pub fn key_package(&mut self) -> KeyPackage {
        self.publish(false)
    }

    pub fn publish(&mut self, is_last_resort: bool) -> KeyPackage {
        let Self { session, identity, .. } = self;
        if is_last_resort {
            session.create_last_resort_key_package(identity, |it| it, no_rows).unwrap()
        } else {
            session.create_key_package(identity, |it| it, no_rows).unwrap()
        }
    }

    pub fn create(&mut self) {
        let Self { session, identity, .. } = self;
        session.create_group(Group::builder(tea()), identity, no_rows).unwrap();
    }

    /// Sends the messages in the outbox, and returns them.
    pub fn outbox(&mut self) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let send = |message: &[u8]| {
            sent.push(message.to_vec());
            Ok(())
        };
        self.session.send_outbox(&tea(), send).unwrap();
        assert!(self.session.outbox(&tea()).unwrap().is_empty());
        sent
    }

    pub fn group_info(&mut self) -> Vec<u8> {
        self.session.group_info(&tea(), |it| it).unwrap()
    }

    /// Creates an external Commit.
    pub fn join_externally(&mut self, group_info: &[u8]) -> Vec<u8> {
        let Self { session, identity, .. } = self;
        let made = session.join_externally(group_info, None, identity, |it| it, no_rows).unwrap();
        let ExternalCommit { group_id, message, .. } = made;
        assert_eq!(group_id, tea());
        message
    }

    pub fn group(&mut self) -> &Group {
        self.session.group(&tea()).unwrap()
    }

    pub fn leaf(&mut self) -> LeafIndex {
        self.group().own_leaf()
    }

    pub fn credential(&self) -> Credential {
        self.identity.credential.clone()
    }

    pub fn learn_psk(&mut self, name: &str) {
        let mut transaction = self.session.store_mut().begin().unwrap();
        put(&mut transaction, name, b"a shared secret").unwrap();
        transaction.commit().unwrap();
    }

    /// Returns a row of the application.
    pub fn row(&self, name: &str) -> Option<Vec<u8>> {
        self.session.store().psk(name.as_bytes()).unwrap().map(|value| value.expose().to_vec())
    }

    /// Returns a signature key from the store.
    pub fn signer(&self, public_key: &SignaturePublicKey) -> Box<dyn Signer> {
        self.session.store().signer(suite(), public_key).unwrap().unwrap()
    }
}

/// Returns the members of a group in epoch 1. The first member has created the group and added the
/// others.
pub fn group_of<const N: usize>(names: [&str; N]) -> [Member; N] {
    group_with(names.map(Member::new))
}

/// Creates a group of `members`. The first member creates the group and adds the others.
pub fn group_with<B: Backend, const N: usize>(members: [Member<B>; N]) -> [Member<B>; N] {
    let mut members = members;
    let (first, others) = members.split_first_mut().unwrap();
    first.create();
    let added: Vec<_> = others.iter_mut().map(Member::key_package).collect();
    first.commit(|commit| added.into_iter().fold(commit, CommitBuilder::add));
    first.accept();
    for welcome in first.outbox() {
        others.iter_mut().for_each(|member| drop(member.apply(&welcome)));
    }
    members
}

/// Asserts that all members are in the same epoch.
pub fn agree<B: Backend, const N: usize>(members: [&mut Member<B>; N]) {
    let mut seen =
        members.map(|member| member.group().epoch_authenticator().unwrap().expose().to_vec()).into_iter();
    let first = seen.next().unwrap();
    assert!(seen.all(|other| other == first));
}

/// Returns the event of a new epoch whose committer is the member at `leaf`.
pub fn epoch(epoch: u64, leaf: u32, is_own: bool) -> Event {
    Event::Epoch { epoch, committer: by(leaf), is_own }
}

pub const fn by(leaf: u32) -> Sender {
    Sender::Member(LeafIndex(leaf))
}

/// Decodes a message.
pub fn decode(bytes: &[u8]) -> MlsMessage {
    pando_mls::Decode::decode(bytes).unwrap()
}
