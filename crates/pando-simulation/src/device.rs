//! A device: its store, its engine, and what its application has seen.

use crate::authority::{Certified, SUITE, domain};
use crate::backend::{Fuse, Fused};
use crate::clock::SimClock;
use crate::server::{Direct, Server};
use pando_api::{ClientId, MessageId};
use pando_client::{
    DeliveryClient, Engine, EngineError, EngineSettings, Event, EventId, Mistake, OperationId, StoredEvent,
    mls_client,
};
use pando_mls::{CryptoProvider, GroupId, RustCrypto};
use pando_store::{Backend, Key, Memory, Store};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

/// The number of KeyPackages at the server below which a device uploads new ones.
pub(crate) const MIN_KEY_PACKAGES: u32 = 2;

/// What the application of a device has stored.
#[derive(Default)]
pub(crate) struct Application {
    /// The events, by their numbers: an event that comes again has the same number.
    pub(crate) events: BTreeMap<EventId, StoredEvent>,
    /// The operations that the user was told are started.
    pub(crate) operations: BTreeMap<OperationId, String>,
    /// How often the user has tried to leave a group.
    pub(crate) leaves: BTreeMap<GroupId, usize>,
    /// The messages that the user was told are stored.
    pub(crate) messages: BTreeMap<MessageId, GroupId>,
    /// Events that came again with another content.
    pub(crate) contradictions: Vec<String>,
}

/// A device.
pub(crate) struct Device {
    pub(crate) client: ClientId,
    pub(crate) version: u64,
    memory: Memory,
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) api: DeliveryClient<Direct>,
    /// `None` while the device is off.
    pub(crate) engine: Option<Engine<Fused>>,
    pub(crate) application: Application,
    /// How often the engine was opened.
    lives: u64,
    seed: u64,
}

impl Device {
    /// Returns a device with an empty store.
    pub(crate) fn new(
        (client, version): (ClientId, u64),
        certified: &Certified,
        server: &Server,
        clock: &SimClock,
        seed: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let memory = Memory::new();
        let mut store = Store::new(memory.again()?, &key()?)?;
        let suite = RustCrypto.suite(SUITE).ok_or("no such cipher suite")?;
        let mut transaction = store.begin()?;
        transaction.put_signer(suite, &certified.private_key, &certified.credential)?;
        transaction.commit()?;
        drop(store);
        let api = api(certified, server, clock, seed);
        let (fuse, application) = (Fuse::new(), Application::default());
        Ok(Self { client, version, memory, fuse, api, engine: None, application, lives: 0, seed })
    }

    /// Lets the device log in with another certificate.
    pub(crate) fn renew_api(&mut self, certified: &Certified, server: &Server, clock: &SimClock) {
        self.api = api(certified, server, clock, self.seed.wrapping_add(self.version));
    }

    /// Copies the stored signature keys, groups and rows of another device.
    pub(crate) fn copy_store(&mut self, other: &Self) -> Result<(), Box<dyn Error>> {
        self.memory = Memory::new();
        let mut rows = Vec::new();
        other.memory.scan(&[][..]..&[u8::MAX; 64][..], &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            Ok(())
        })?;
        let mut memory = self.memory.again()?;
        memory.begin()?;
        for (key, value) in rows {
            memory.put(&key, &value)?;
        }
        Ok(memory.commit()?)
    }

    /// Opens the engine. Each life has its own randomness.
    pub(crate) fn open(
        &mut self,
        certified: &Certified,
        identities: pando_api::DeviceIdentities,
        clock: &SimClock,
        (rejoins, mistake): (bool, Option<Mistake>),
    ) -> Result<(), Box<dyn Error>> {
        self.engine = None;
        self.fuse.reset();
        self.lives = self.lives.saturating_add(1);
        let backend = Fused::new(self.memory.again()?, Arc::clone(&self.fuse));
        let store = Store::new(backend, &key()?)?;
        let mut settings = EngineSettings::new(SUITE);
        (settings.read_wait, settings.read_interval) = (0, 500);
        (settings.min_key_packages, settings.key_packages) = (MIN_KEY_PACKAGES, 4);
        settings.count_interval = 5_000;
        (settings.rejoins, settings.mistake) = (rejoins, mistake);
        let rng = ChaCha20Rng::seed_from_u64(self.seed.wrapping_mul(1_000).wrapping_add(self.lives));
        let identity = (mls_client(identities), &certified.credential);
        let engine = Engine::open(store, identity, domain()?, (clock.clone(), rng), settings)?;
        self.engine = Some(engine);
        Ok(())
    }

    /// Switches the device off, as a kill does: nothing but the store is left.
    pub(crate) fn kill(&mut self) {
        self.engine = None;
    }

    /// Lets the application take at most `most` events. With `forgets`, it is killed before it
    /// acknowledges them.
    ///
    /// Returns the groups that the device has found.
    pub(crate) fn take_events(
        &mut self,
        most: usize,
        forgets: bool,
    ) -> Result<Vec<(GroupId, bool)>, EngineError> {
        let Some(engine) = &mut self.engine else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let events = engine.events(EventId(0), most)?;
        let last = events.last().map(|event| event.id);
        for event in events {
            match self.application.events.get(&event.id) {
                Some(known) if *known != event => {
                    self.application.contradictions.push(format!("{known:?} came again as {event:?}"));
                }
                Some(_) => {}
                None => {
                    if let (Event::GroupFound { has_leaf }, Some(group_id)) = (&event.event, &event.group_id)
                    {
                        found.push((group_id.clone(), *has_leaf == 1));
                    }
                    self.application.events.insert(event.id, event);
                }
            }
        }
        if let (Some(last), false) = (last, forgets) {
            engine.acknowledge_events(last)?;
        }
        Ok(found)
    }

    /// Returns the events of a group, or all events.
    pub(crate) fn events<'a>(
        &'a self,
        group_id: Option<&'a GroupId>,
    ) -> impl Iterator<Item = &'a StoredEvent> {
        let events = self.application.events.values();
        events.filter(move |event| group_id.is_none() || event.group_id.as_ref() == group_id)
    }

    /// Returns how often an operation has ended.
    pub(crate) fn ends_of(&self, id: OperationId) -> usize {
        let is_end = |event: &&StoredEvent| match &event.event {
            Event::OperationDone(operation)
            | Event::OperationFailed { operation, .. }
            | Event::OperationSuperseded { operation, .. } => *operation == id,
            _ => false,
        };
        self.events(None).filter(is_end).count()
    }

    /// Returns how often a message has ended.
    pub(crate) fn ends_of_message(&self, id: MessageId) -> usize {
        let is_end = |event: &&StoredEvent| match &event.event {
            Event::MessageSent { message, .. } | Event::MessageFailed { message, .. } => *message == id,
            _ => false,
        };
        self.events(None).filter(is_end).count()
    }
}

/// Returns a client of the server with a certificate.
fn api(certified: &Certified, server: &Server, clock: &SimClock, seed: u64) -> DeliveryClient<Direct> {
    let identity = pando_client::Device {
        cipher_suite: SUITE,
        credential: certified.credential.clone(),
        signer: Arc::clone(&certified.signer),
    };
    let rng = ChaCha20Rng::seed_from_u64(seed);
    DeliveryClient::new(server.authority.clone(), identity, server.transport(), clock.clone(), rng)
}

/// Returns the key of all stores.
fn key() -> Result<Key, Box<dyn Error>> {
    Ok(Key::bytes(&[7; 32])?)
}
