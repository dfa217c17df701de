//! Contents of messages and used keys leave the files of a client: the database, its write-ahead
//! log and freed pages. The stores are not encrypted, so that the search can find what is there.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

use pando_api::{ClientId, UserId};
use pando_client::{DeliveryClient, Engine, EngineSettings, Event, EventId, Next, StoredEvent, mls_client};
use pando_mls::{CryptoProvider, RustCrypto};
use pando_simulation::{Certificates, Direct, SUITE, Server, SimClock, domain, policy};
use pando_store::{Key, Sqlite, Store};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A client with a store on the disk.
struct Device {
    path: PathBuf,
    engine: Engine<Sqlite>,
    api: DeliveryClient<Direct>,
}

impl Device {
    fn open(
        certificates: &Certificates,
        name: &str,
        server: &Server,
        clock: &SimClock,
        folder: &Path,
    ) -> Self {
        let client: ClientId = name.parse().unwrap();
        let certified = certificates.get(&client, 1).unwrap();
        let path = folder.join(client.user().name());
        let mut store = Store::new(Sqlite::open(&path).unwrap(), &Key::None).unwrap();
        let mut transaction = store.begin().unwrap();
        let suite = RustCrypto.suite(SUITE).unwrap();
        transaction.put_signer(suite, &certified.private_key, &certified.credential).unwrap();
        transaction.commit().unwrap();
        let mut settings = EngineSettings::new(SUITE);
        (settings.read_wait, settings.min_key_packages, settings.key_packages) = (0, 1, 2);
        settings.read_interval = 500;
        let identity = (mls_client(certificates.identities().unwrap()), &certified.credential);
        let rng = ChaCha20Rng::seed_from_u64(name.len() as u64);
        let engine =
            Engine::open(store, identity, domain().unwrap(), (clock.clone(), rng.clone()), settings).unwrap();
        let (credential, signer) = (certified.credential.clone(), Arc::clone(&certified.signer));
        let identity = pando_client::Device { cipher_suite: SUITE, credential, signer };
        let api =
            DeliveryClient::new(server.authority.clone(), identity, server.transport(), clock.clone(), rng);
        Self { path, engine, api }
    }

    /// Performs calls until there is none.
    async fn run(&mut self, server: &Server, clock: &SimClock) {
        for _ in 0..20 {
            while let Next::Call(call) = self.engine.next_call().unwrap() {
                let result = self.api.call(&call.operation).await;
                self.engine.complete(call.id, result).unwrap();
                server.service.run_due(clock.time()).await.unwrap();
            }
            clock.advance(600);
        }
    }

    fn events(&self) -> Vec<StoredEvent> {
        self.engine.events(EventId(0), usize::MAX).unwrap()
    }

    /// Returns how often some bytes are in the files of the store.
    fn count(&self, bytes: &[u8]) -> usize {
        let folder = self.path.parent().unwrap();
        let name = self.path.file_name().unwrap().to_str().unwrap();
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files
            .filter(|path| path.is_file() && path.file_name().unwrap().to_str().unwrap().starts_with(name));
        let count = |path: PathBuf| {
            fs::read(path).unwrap().windows(bytes.len()).filter(|window| *window == bytes).count()
        };
        files.map(count).sum()
    }

    /// Returns the epoch authenticators of all groups, which are stored with the other secrets of
    /// their epochs.
    fn secrets(&mut self) -> BTreeSet<Vec<u8>> {
        let mut secrets = BTreeSet::new();
        for group_id in self.engine.groups() {
            let group = self.engine.session().group(&group_id).unwrap();
            let authenticator = group.epoch_authenticator().unwrap();
            secrets.insert(authenticator.expose().to_vec());
        }
        secrets
    }
}

#[test]
fn contents_and_secrets_leave_the_files() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(talk());
}

async fn talk() {
    let (folder, clock) = (TempDir::new().unwrap(), SimClock::new());
    let certificates = Certificates::issue().unwrap();
    let server = Server::start(&certificates, &clock).unwrap();
    let mut alice = Device::open(&certificates, "alice@example.org/laptop", &server, &clock, folder.path());
    let mut bob = Device::open(&certificates, "bob@example.org/phone", &server, &clock, folder.path());
    alice.run(&server, &clock).await;
    bob.run(&server, &clock).await;
    let bobs: UserId = "bob@example.org".parse().unwrap();
    let admins = vec!["alice@example.org".parse().unwrap()];
    let (group_id, _) = alice.engine.create_group(policy(admins), [bobs]).unwrap();
    alice.run(&server, &clock).await;
    bob.run(&server, &clock).await;
    assert_eq!(bob.engine.groups(), std::slice::from_ref(&group_id));

    let text = b"a sentence that is nowhere else, number ";
    for number in 0..4_u8 {
        let body = [text.as_slice(), &[b'0' + number]].concat();
        alice.engine.send(&group_id, "text/plain", &body, 0).unwrap();
        // Until it is sent, the message is in the store, so the search works.
        assert!(alice.count(&body) > 0);
        alice.run(&server, &clock).await;
        assert_eq!(alice.count(&body), 0, "the sender has kept message {number}");
        bob.run(&server, &clock).await;
        let events = bob.events();
        let is_it =
            |event: &&StoredEvent| matches!(&event.event, Event::Message(message) if *message.body == *body);
        assert_eq!(events.iter().filter(is_it).count(), 1);
        // Until the application has taken it, the message is in the store.
        assert!(bob.count(&body) > 0);
        bob.engine.acknowledge_events(events.last().unwrap().id).unwrap();
        assert_eq!(bob.count(&body), 0, "the receiver has kept message {number}");
    }

    let old: BTreeSet<_> = alice.secrets().union(&bob.secrets()).cloned().collect();
    alice.engine.update(&group_id).unwrap();
    alice.run(&server, &clock).await;
    bob.run(&server, &clock).await;
    assert_eq!(alice.engine.epoch_code(&group_id).unwrap(), bob.engine.epoch_code(&group_id).unwrap());
    for secret in old {
        assert_eq!((alice.count(&secret), bob.count(&secret)), (0, 0), "of the epoch before");
    }
    for device in [&mut alice, &mut bob] {
        for secret in device.secrets() {
            assert!(device.count(&secret) > 0, "the secrets of the present epoch are found");
        }
    }
}
