//! Stories: a few named devices and a server whose answers a test can falsify.

use crate::authority::{Certificates, Certified};
use crate::backend::Fused;
use crate::clock::SimClock;
use crate::device::Device;
use crate::server::Server;
use crate::world::Failure;
use pando_api::{ClientId, LogEntry};
use pando_client::{Answer, CallError, Engine, Event, EventId, Next, Operation, OperationId, StoredEvent};
use pando_mls::GroupId;
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

/// The result of a call.
pub type CallResult = Result<Answer, CallError>;

/// A falsifier of answers. It receives a call and the function that performs it at the honest
/// server, and returns what the client receives.
pub type Falsify = Box<dyn FnMut(&Operation, &mut dyn FnMut(&Operation) -> CallResult) -> CallResult>;

/// The most calls of a device without any time passing.
const MOST_CALLS: usize = 500;

/// Devices and a server. The story advances only by [`Story::run`], so that a test decides what
/// each device has read.
pub struct Story<'a> {
    certificates: &'a Certificates,
    clock: SimClock,
    server: Server,
    devices: BTreeMap<String, Device>,
    falsifiers: BTreeMap<String, Falsify>,
    /// How many calls each device has made.
    calls: BTreeMap<String, usize>,
    runtime: Runtime,
    rejoins: bool,
}

impl<'a> Story<'a> {
    /// Starts a server and these devices of `example.org`, for example `alice/laptop`. With
    /// `rejoins`, the engines join again after Commits that they cannot process.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn new(certificates: &'a Certificates, names: &[&str], rejoins: bool) -> Result<Self, Failure> {
        let clock = SimClock::new();
        let mut story = Self {
            certificates,
            server: Server::start(certificates, &clock)?,
            clock,
            devices: BTreeMap::new(),
            falsifiers: BTreeMap::new(),
            calls: BTreeMap::new(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_time().build()?,
            rejoins,
        };
        for name in names {
            story.start(name, name, 1)?;
        }
        Ok(story)
    }

    /// Starts a device with an empty store and a certificate of this version. `name` is the name of
    /// the device in the story, and `of` the user and the device of the certificate.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn start(&mut self, name: &str, of: &str, version: u64) -> Result<(), Failure> {
        let client = client(of)?;
        let certified = self.certificates.get(&client, version).ok_or("no such certificate")?;
        let seed = u64::try_from(self.devices.len())?.saturating_add(version.saturating_mul(1_000));
        let device = Device::new((client, version), certified, &self.server, &self.clock, seed)?;
        self.devices.insert(name.to_owned(), device);
        self.reopen(name)
    }

    /// Copies the store of a device to a thief's device, which has the same certificate.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn steal(&mut self, victim: &str, thief: &str) -> Result<(), Failure> {
        let device = self.devices.get(victim).ok_or("no such device")?;
        let (client, version) = (device.client.clone(), device.version);
        let certified = self.certificates.get(&client, version).ok_or("no such certificate")?;
        let mut copy = Device::new((client, version), certified, &self.server, &self.clock, 77)?;
        copy.copy_store(device)?;
        self.devices.insert(thief.to_owned(), copy);
        self.reopen(thief)
    }

    /// Opens the engine of a device again, as after a restart of the process.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn reopen(&mut self, name: &str) -> Result<(), Failure> {
        let identities = self.certificates.identities()?;
        let device = self.devices.get_mut(name).ok_or("no such device")?;
        let certified = self.certificates.get(&device.client, device.version).ok_or("no such certificate")?;
        device.open(certified, identities, &self.clock, (self.rejoins, None))
    }

    /// Lets all later answers to a device be falsified, or no longer.
    pub fn falsify(
        &mut self,
        name: &str,
        falsify: impl FnMut(&Operation, &mut dyn FnMut(&Operation) -> CallResult) -> CallResult + 'static,
    ) {
        self.falsifiers.insert(name.to_owned(), Box::new(falsify));
    }

    /// Lets the server answer a device honestly again.
    pub fn trust(&mut self, name: &str) {
        self.falsifiers.remove(name);
    }

    /// Returns the engine of a device.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn engine(&mut self, name: &str) -> Result<&mut Engine<Fused>, Failure> {
        let device = self.devices.get_mut(name).ok_or("no such device")?;
        Ok(device.engine.as_mut().ok_or("the device is off")?)
    }

    /// Returns the certificate of a device with its signature key.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn certified(&self, name: &str) -> Result<&'a Certified, Failure> {
        let device = self.devices.get(name).ok_or("no such device")?;
        let certified = self.certificates.get(&device.client, device.version);
        Ok(certified.ok_or("no such certificate")?)
    }

    /// Returns all events of a device.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn events(&self, name: &str) -> Result<Vec<StoredEvent>, Failure> {
        let device = self.devices.get(name).ok_or("no such device")?;
        Ok(device.engine.as_ref().ok_or("the device is off")?.events(EventId(0), usize::MAX)?)
    }

    /// Returns how an operation of a device has ended, if it has.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn end_of(&self, name: &str, id: OperationId) -> Result<Option<Event>, Failure> {
        let mut events = self.events(name)?.into_iter().map(|stored| stored.event);
        Ok(events.find(|event| match event {
            Event::OperationDone(operation)
            | Event::OperationFailed { operation, .. }
            | Event::OperationSuperseded { operation, .. } => *operation == id,
            _ => false,
        }))
    }

    /// Returns how many calls a device has made.
    #[must_use]
    pub fn calls(&self, name: &str) -> usize {
        self.calls.get(name).copied().unwrap_or_default()
    }

    /// Returns the time in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.time()
    }

    /// Performs a call of a device at the honest server, without the engine.
    ///
    /// # Errors
    /// The error of the call.
    pub fn call(&mut self, name: &str, operation: &Operation) -> CallResult {
        let gone = || CallError::NotSent("there is no such device".to_owned());
        let api = &self.devices.get(name).ok_or_else(gone)?.api;
        let result = self.runtime.block_on(api.call(operation));
        let _ = self.runtime.block_on(self.server.service.run_due(self.clock.time()));
        result
    }

    /// Returns the true log of a group after an entry, as a device may read it.
    ///
    /// # Errors
    /// The error of the call.
    pub fn read_log(&mut self, name: &str, group_id: &GroupId, after: u64) -> Result<Vec<LogEntry>, Failure> {
        let (mut entries, mut after) = (Vec::new(), after);
        loop {
            let read = Operation::ReadLog { group_id: group_id.clone(), after, limit: None, wait: 0 };
            let Answer::Log(page) = self.call(name, &read)? else { return Err("no page".into()) };
            let Some(last) = page.entries.last() else { return Ok(entries) };
            after = last.seq;
            entries.extend(page.entries);
        }
    }

    /// Lets devices make their calls for some seconds. Other devices are asleep.
    ///
    /// # Errors
    /// A failure of the simulation itself, also if a device makes calls without end.
    pub fn run(&mut self, names: &[&str], seconds: u64) -> Result<(), Failure> {
        for _ in 0..seconds.saturating_mul(2) {
            for name in names {
                self.run_device(name)?;
            }
            self.clock.advance(500);
            let _ = self.runtime.block_on(self.server.service.run_due(self.clock.time()));
        }
        Ok(())
    }

    fn run_device(&mut self, name: &str) -> Result<(), Failure> {
        for _ in 0..MOST_CALLS {
            let Next::Call(call) = self.engine(name)?.next_call()? else { return Ok(()) };
            let count = self.calls.entry(name.to_owned()).or_default();
            *count = count.saturating_add(1);
            let result = match self.falsifiers.remove(name) {
                Some(mut falsify) => {
                    let mut perform = |operation: &Operation| self.call(name, operation);
                    let result = falsify(&call.operation, &mut perform);
                    self.falsifiers.insert(name.to_owned(), falsify);
                    result
                }
                None => self.call(name, &call.operation),
            };
            self.engine(name)?.complete(call.id, result)?;
        }
        Err(format!("{name} makes calls without end").into())
    }
}

/// Returns a client of the domain of the simulations.
fn client(name: &str) -> Result<ClientId, Failure> {
    let (user, device) = name.split_once('/').ok_or("no device")?;
    Ok(format!("{user}@example.org/{device}").parse()?)
}
