//! A server and devices with clients.

use crate::clients::{Clients, NOW, SUITE};
use crate::server::Server;
use pando_api::{DeviceIdentities, Policy, UserId};
use pando_client::{
    Client, ClientBuilder, Clock, EngineSettings, Event, EventId, HttpTransport, Outcome, StoredEvent,
    Transport, create_identity,
};
use pando_mls::{Credential, GroupId, RustCrypto};
use pando_store::{Backend, Key, Memory, Store};
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// A clock that runs from the time of the fixtures on.
#[derive(Clone, Copy)]
pub(crate) struct RunningClock(Instant);

impl Clock for RunningClock {
    fn now(&self) -> u64 {
        NOW + u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

/// A server whose due work is done at once, and an authority.
pub(crate) struct World {
    pub(crate) clients: Clients,
    pub(crate) server: Server,
    pub(crate) clock: RunningClock,
    due: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.due.abort();
    }
}

/// A device.
pub(crate) struct Device<T = HttpTransport, B: Backend = Memory> {
    pub(crate) client: Client<T, B>,
    pub(crate) credential: Credential,
    /// The events that the application has seen.
    pub(crate) events: Vec<StoredEvent>,
}

pub(crate) fn user(name: &str) -> UserId {
    format!("{name}@example.org").parse().unwrap()
}

/// Returns a policy whose only admin is Alice.
pub(crate) fn policy() -> Policy {
    Policy::new([user("alice")])
}

pub(crate) fn key() -> Key {
    Key::bytes(&[7; 32]).unwrap()
}

pub(crate) fn settings() -> EngineSettings {
    let mut settings = EngineSettings::new(SUITE);
    (settings.min_key_packages, settings.key_packages, settings.commit_delay) = (2, 4, 0);
    settings
}

impl World {
    pub(crate) async fn new() -> Self {
        let clients = Clients::new();
        let server = Server::start(&clients).await;
        let service = server.service.clone();
        let due = tokio::spawn(async move {
            loop {
                service.wait_for_due().await;
                service.run_due(NOW).await.unwrap();
            }
        });
        Self { clients, server, clock: RunningClock(Instant::now()), due }
    }

    pub(crate) fn identities(&self) -> DeviceIdentities {
        DeviceIdentities::new(&RustCrypto, [(self.clients.domain.clone(), &self.clients.anchor)]).unwrap()
    }

    /// Creates the key and the certificate of a device in a store.
    pub(crate) fn certify<B: Backend>(&mut self, name: &str, store: &mut Store<B>) -> Credential {
        let client = name.replace('/', "@example.org/").parse().unwrap();
        let issue = |request: &_| Ok::<_, Infallible>(self.clients.issue(request, 1));
        create_identity(store, SUITE, client, issue).unwrap()
    }

    pub(crate) fn builder(&self, credential: &Credential) -> ClientBuilder {
        ClientBuilder::new(credential.clone(), self.identities()).settings(settings()).clock(self.clock)
    }

    /// Opens a device on a store that has its certificate.
    pub(crate) fn open<B: Backend>(
        &self,
        credential: &Credential,
        store: Store<B>,
    ) -> Device<HttpTransport, B> {
        self.open_over(self.server.transport(), credential, store)
    }

    pub(crate) fn open_over<T: Transport + 'static, B: Backend>(
        &self,
        transport: T,
        credential: &Credential,
        store: Store<B>,
    ) -> Device<T, B> {
        let builder = self.builder(credential);
        let client = builder.open_with(self.server.authority.clone(), transport, store).unwrap();
        Device { client, credential: credential.clone(), events: Vec::new() }
    }

    /// Returns a new device, for example `alice/laptop`, which others can add to groups.
    pub(crate) async fn device(&mut self, name: &str) -> Device {
        let transport = self.server.transport();
        self.device_over(transport, name).await
    }

    pub(crate) async fn device_over<T: Transport + 'static>(
        &mut self,
        transport: T,
        name: &str,
    ) -> Device<T> {
        let mut store = Store::new(Memory::new(), &key()).unwrap();
        let credential = self.certify(name, &mut store);
        let device = self.open_over(transport, &credential, store);
        device.wait_for_key_packages().await;
        device
    }

    /// Returns the devices `alice/laptop`, `alice/phone`, `bob/laptop` and `bob/phone`.
    pub(crate) async fn devices(&mut self) -> [Device; 4] {
        [
            self.device("alice/laptop").await,
            self.device("alice/phone").await,
            self.device("bob/laptop").await,
            self.device("bob/phone").await,
        ]
    }

    /// Lets the first device create a group with all devices of Alice and Bob.
    pub(crate) async fn group(&self, devices: &mut [Device; 4]) -> GroupId {
        let creator = &devices[0].client;
        let users = [user("alice"), user("bob")];
        let (group_id, creation) = creator.create_group(policy(), users).await.unwrap();
        assert_eq!(creator.wait_for(creation).await.unwrap(), Outcome::Done);
        for device in &mut devices[1..] {
            device.wait_for(|event| matches!(event, Event::Joined { .. })).await;
            assert_eq!(device.client.groups().await.unwrap(), std::slice::from_ref(&group_id));
        }
        group_id
    }
}

impl<T: Transport, B: Backend> Device<T, B> {
    /// Waits until the server has KeyPackages of the device.
    pub(crate) async fn wait_for_key_packages(&self) {
        while self.client.delivery().count_key_packages().await.unwrap().counts.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl<T, B: Backend> Device<T, B> {
    /// Reads events until one of them, old or new, is the expected one, and returns it.
    pub(crate) async fn wait_for(&mut self, is_expected: impl Fn(&Event) -> bool) -> StoredEvent {
        loop {
            let found = self.events.iter().find(|stored| is_expected(&stored.event));
            if let Some(found) = found {
                return found.clone();
            }
            let last = self.events.last().map_or(EventId::default(), |stored| stored.id);
            let events = self.client.next_events(last).await.unwrap();
            self.client.acknowledge(events.last().unwrap().id).await.unwrap();
            self.events.extend(events);
        }
    }

    /// Waits for a message with this text.
    pub(crate) async fn receive(&mut self, text: &str) {
        let is_it =
            |event: &Event| matches!(event, Event::Message(message) if *message.body == *text.as_bytes());
        self.wait_for(is_it).await;
    }

    /// Sends a message, and waits until the server has it.
    pub(crate) async fn send(&mut self, group_id: &GroupId, text: &str) {
        let id = self.client.send(group_id, "text/plain", text, 0).await.unwrap();
        self.wait_for(|event| matches!(event, Event::MessageSent { message, .. } if *message == id)).await;
    }

    /// Returns the number of messages with this text that the application has seen.
    pub(crate) fn count(&self, text: &str) -> usize {
        let is_it = |stored: &&StoredEvent| matches!(&stored.event, Event::Message(message) if *message.body == *text.as_bytes());
        self.events.iter().filter(is_it).count()
    }
}
