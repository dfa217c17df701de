//! A simulation of a server and devices.

use crate::action::{Action, pick};
use crate::authority::{Certificates, SUITE, VERSIONS};
use crate::backend::Fused;
use crate::clock::SimClock;
use crate::device::Device;
use crate::server::Server;
use pando_api::{
    ClaimTarget, ClientId, ExternalCommits, PaddingRule, Parameters, Permission, Policy, UserId,
};
use pando_client::{Answer, CallError, CallId, Engine, EngineError, Mistake, Next, Operation, OperationId};
use pando_mls::{CryptoProvider, GroupId, RustCrypto};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A request does not reach the server, and the client does not know it.
    LostRequest,
    /// The answer to a request does not reach the client.
    LostReply,
    /// A request is not sent, and the client knows it.
    NotSent,
    /// A request reaches the server twice.
    Duplicate,
    /// A request reaches the server again, much later.
    Replay,
    /// A request or an answer overtakes others.
    Reordered,
    /// A device is killed.
    Kill,
    /// A device is killed at a write, which does not take effect.
    KillBeforeWrite,
    /// A device is killed at a write, which takes effect.
    KillAfterWrite,
    /// A write fails, and the device goes on.
    FailedWrite,
    /// The application is killed before it acknowledges its events.
    ForgottenEvents,
    /// The clock jumps.
    ClockJump,
    /// A device loses its store, and comes back with a new certificate.
    LostStore,
    /// A device has a new certificate. Older ones are superseded.
    NewCertificate,
}

impl Fault {
    /// All kinds of faults.
    pub const ALL: [Self; 14] = [
        Self::LostRequest,
        Self::LostReply,
        Self::NotSent,
        Self::Duplicate,
        Self::Replay,
        Self::Reordered,
        Self::Kill,
        Self::KillBeforeWrite,
        Self::KillAfterWrite,
        Self::FailedWrite,
        Self::ForgottenEvents,
        Self::ClockJump,
        Self::LostStore,
        Self::NewCertificate,
    ];
}

/// A call between a device and the server.
pub(crate) struct InFlight {
    pub(crate) device: usize,
    /// The life of the engine that waits for the answer.
    life: u64,
    /// The failed writes of the engine when it made the call.
    failures: u64,
    call: CallId,
    pub(crate) operation: Operation,
    /// The result, if the server has answered.
    pub(crate) result: Option<Result<Answer, CallError>>,
}

/// A simulation.
pub struct World<'a> {
    certificates: &'a Certificates,
    pub(crate) clock: SimClock,
    pub(crate) server: Server,
    pub(crate) devices: Vec<Device>,
    pub(crate) in_flight: Vec<InFlight>,
    /// Requests that may reach the server again.
    past: Vec<(usize, Operation)>,
    /// How often each kind of fault happened.
    pub(crate) faults: BTreeMap<Fault, u64>,
    /// All groups that were created.
    pub(crate) groups: Vec<GroupId>,
    /// What happened, for people.
    pub(crate) story: Vec<String>,
    /// The mutations whose success the devices know.
    pub(crate) answered: Vec<(usize, Operation)>,
    /// How often the users of the clients have tried to join the groups by external Commits.
    pub(crate) joins: BTreeMap<(ClientId, GroupId), usize>,
    /// Whether clients join again by themselves.
    pub(crate) rejoins: bool,
    mistake: Option<Mistake>,
    lives: BTreeMap<usize, u64>,
    /// The failed writes of the devices, after which an engine forgets its calls.
    failures: BTreeMap<usize, u64>,
    seed: u64,
}

/// The minutes by which the clocks of the devices are ahead of that of the server. Clocks that
/// differ by more than an hour keep clients from adding each other, because a KeyPackage is not
/// valid yet.
const OFFSETS: [i64; 8] = [0, 25, -25, 3, -7, 0, 29, -29];

/// A failure of the simulation itself.
pub(crate) type Failure = Box<dyn Error>;

impl<'a> World<'a> {
    /// Returns a simulation of all devices of the certificates.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn new(certificates: &'a Certificates, seed: u64) -> Result<Self, Failure> {
        Self::with_mistake(certificates, seed, None)
    }

    /// Returns a simulation of all devices of the certificates, whose engines make a mistake.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn with_mistake(
        certificates: &'a Certificates,
        seed: u64,
        mistake: Option<Mistake>,
    ) -> Result<Self, Failure> {
        let clock = SimClock::new();
        let server = Server::start(certificates, &clock)?;
        let mut world = Self {
            certificates,
            clock,
            server,
            devices: Vec::new(),
            in_flight: Vec::new(),
            past: Vec::new(),
            faults: BTreeMap::new(),
            groups: Vec::new(),
            story: Vec::new(),
            answered: Vec::new(),
            joins: BTreeMap::new(),
            rejoins: false,
            mistake,
            lives: BTreeMap::new(),
            failures: BTreeMap::new(),
            seed,
        };
        for client in certificates.clients() {
            let index = world.devices.len();
            let device = world.new_device(client.clone(), 1, index)?;
            world.devices.push(device);
            world.open(index)?;
        }
        Ok(world)
    }

    fn new_device(&self, client: ClientId, version: u64, index: usize) -> Result<Device, Failure> {
        let certified = self.certificates.get(&client, version).ok_or("no such certificate")?;
        let index = u64::try_from(index)?;
        let seed = self.seed.wrapping_mul(100).wrapping_add(index).wrapping_mul(10).wrapping_add(version);
        Device::new((client, version), certified, &self.server, &self.clock, seed)
    }

    /// Opens the engine of a device.
    pub(crate) fn open(&mut self, index: usize) -> Result<(), Failure> {
        let identities = self.certificates.identities()?;
        let life = self.lives.entry(index).or_default();
        *life = life.saturating_add(1);
        let Some(device) = self.devices.get_mut(index) else { return Ok(()) };
        let certified = self.certificates.get(&device.client, device.version).ok_or("no such certificate")?;
        // The clocks of devices differ. That of the API client is set by the server.
        let minutes = OFFSETS.get(index).copied().unwrap_or_default();
        let clock = self.clock.shifted(minutes.saturating_mul(60_000));
        device.open(certified, identities, &clock, (self.rejoins, self.mistake))
    }

    pub(crate) fn tell(&mut self, fault: Option<Fault>, text: impl fmt::Display) {
        if let Some(fault) = fault {
            let count = self.faults.entry(fault).or_default();
            *count = count.saturating_add(1);
        }
        self.story.push(text.to_string());
    }

    /// Performs an action of a schedule.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn act(&mut self, action: Action) -> Result<(), Failure> {
        let [first, second, third] = action.choices;
        let device = usize::try_from(first)?.checked_rem(self.devices.len()).unwrap_or(0);
        match action.kind.checked_rem(100).unwrap_or(0) {
            0..=21 => self.start_call(device).await?,
            22..=41 => self.move_call(second, third).await?,
            42..=56 => self.finish_call(second)?,
            57..=69 => self.work(device, second.checked_rem(6).unwrap_or(0).saturating_add(1)).await?,
            70..=72 => self.advance(u64::from(second).checked_rem(2_000).unwrap_or(0)).await?,
            73 => {
                let jump = u64::from(second).checked_rem(600_000).unwrap_or(0);
                self.tell(Some(Fault::ClockJump), format_args!("the clock jumps by {jump} ms"));
                self.advance(jump).await?;
            }
            74..=76 => {
                // An application may take its events one after the other.
                let most = if second.is_multiple_of(2) { 1 } else { usize::MAX };
                self.take_events(device, most, third.is_multiple_of(3))?;
            }
            77..=78 => self.kill(device, Fault::Kill)?,
            79..=80 => {
                let takes_effect = third.is_multiple_of(2);
                if let Some(device) = self.devices.get(device) {
                    let recovers = third.rotate_right(1).is_multiple_of(2);
                    device.fuse.light(second.checked_rem(4).unwrap_or(0), takes_effect, recovers);
                }
            }
            81..=97 => self.use_device(device, second, third)?,
            98 => self.renew_certificate(device, second)?,
            _ => self.lose_store(device, second)?,
        }
        Ok(())
    }

    /// Lets a device start its next call.
    pub(crate) async fn start_call(&mut self, index: usize) -> Result<(), Failure> {
        let life = self.lives.get(&index).copied().unwrap_or_default();
        let failures = self.failures.get(&index).copied().unwrap_or_default();
        let Some(next) = self.with_engine(index, Engine::next_call)? else { return Ok(()) };
        if let Next::Call(call) = next {
            if is_mutation(&call.operation) {
                self.story.push(format!("{} calls {}", self.name(index), describe(&call.operation)));
            }
            let (call, operation) = (call.id, call.operation);
            self.in_flight.push(InFlight { device: index, life, failures, call, operation, result: None });
        }
        Ok(())
    }

    /// Lets a device make some calls, which succeed at once. Without it, the devices would read
    /// most of the logs after the faults.
    async fn work(&mut self, index: usize, calls: u32) -> Result<(), Failure> {
        for _ in 0..calls {
            let before = self.in_flight.len();
            self.start_call(index).await?;
            if self.in_flight.len() == before {
                break;
            }
            if let Some(mut call) = self.in_flight.pop() {
                call.result = Some(self.perform(index, &call.operation).await);
                self.pass_answer(call)?;
            }
        }
        Ok(())
    }

    /// Delivers a request, or answers it, or lets a fault happen to it.
    async fn move_call(&mut self, choice: u32, fault: u32) -> Result<(), Failure> {
        let open: Vec<usize> = self
            .in_flight
            .iter()
            .enumerate()
            .filter(|(_, call)| call.result.is_none())
            .map(|(index, _)| index)
            .collect();
        let Some(index) = pick(&open, choice).copied() else { return Ok(()) };
        if open.first() != Some(&index) {
            self.tell(Some(Fault::Reordered), "a request overtakes others");
        }
        let Some(call) = self.in_flight.get(index) else { return Ok(()) };
        let (device, operation) = (call.device, call.operation.clone());
        let name = format!("{} of {}", describe(&operation), self.name(device));
        let lost = || Err(CallError::OutcomeUnknown("lost in the simulation".to_owned()));
        let result = match fault.checked_rem(24).unwrap_or(0) {
            0 => {
                self.tell(Some(Fault::LostRequest), format_args!("{name} is lost"));
                lost()
            }
            1 | 2 => {
                let _ = self.perform(device, &operation).await;
                self.tell(Some(Fault::LostReply), format_args!("the answer to {name} is lost"));
                lost()
            }
            3 => {
                self.tell(Some(Fault::NotSent), format_args!("{name} is not sent"));
                Err(CallError::NotSent("refused in the simulation".to_owned()))
            }
            4 => {
                self.tell(Some(Fault::Duplicate), format_args!("{name} arrives twice"));
                let _ = self.perform(device, &operation).await;
                self.perform(device, &operation).await
            }
            5 if !self.past.is_empty() => {
                let past = pick(&self.past, choice).cloned();
                if let Some((device, operation)) = past {
                    let name = format!("{} of {}", describe(&operation), self.name(device));
                    self.tell(Some(Fault::Replay), format_args!("{name} arrives again"));
                    let _ = self.perform(device, &operation).await;
                }
                self.perform(device, &operation).await
            }
            _ => self.perform(device, &operation).await,
        };
        let outcome = match &result {
            Ok(_) => "answered".to_owned(),
            Err(error) => error.to_string(),
        };
        self.story.push(format!("{name}: {outcome}"));
        if let Some(call) = self.in_flight.get_mut(index) {
            call.result = Some(result);
        }
        Ok(())
    }

    /// Performs an operation at the server, and the work that becomes due.
    pub(crate) async fn perform(
        &mut self,
        device: usize,
        operation: &Operation,
    ) -> Result<Answer, CallError> {
        let gone = || CallError::NotSent("there is no such device".to_owned());
        let result = self.devices.get(device).ok_or_else(gone)?.api.call(operation).await;
        if is_mutation(operation) && self.past.len() < 200 {
            self.past.push((device, operation.clone()));
        }
        let _ = self.server.service.run_due(self.clock.time()).await;
        result
    }

    /// Passes an answer to the device.
    fn finish_call(&mut self, choice: u32) -> Result<(), Failure> {
        let answered: Vec<usize> = self
            .in_flight
            .iter()
            .enumerate()
            .filter(|(_, call)| call.result.is_some())
            .map(|(index, _)| index)
            .collect();
        let Some(index) = pick(&answered, choice).copied() else { return Ok(()) };
        if answered.first() != Some(&index) {
            self.tell(Some(Fault::Reordered), "an answer overtakes others");
        }
        let call = self.in_flight.remove(index);
        self.pass_answer(call)
    }

    /// Passes an answer to the engine that has made the call.
    pub(crate) fn pass_answer(&mut self, call: InFlight) -> Result<(), Failure> {
        let InFlight { device, life, failures, call, operation, result } = call;
        // An engine that was opened later does not know the call.
        let (true, Some(result)) = (self.lives.get(&device) == Some(&life), result) else { return Ok(()) };
        let is_success = result.is_ok();
        let taken = self.with_engine(device, |engine| engine.complete(call, result))?;
        let knows_call = self.failures.get(&device).copied().unwrap_or_default() == failures;
        if is_success && taken.is_some() && knows_call && is_mutation(&operation) {
            self.answered.push((device, operation));
        }
        Ok(())
    }

    /// Uses the engine of a device. A device whose store fails is killed or goes on.
    pub(crate) fn with_engine<T>(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut Engine<Fused>) -> Result<T, EngineError>,
    ) -> Result<Option<T>, Failure> {
        let Some(device) = self.devices.get_mut(index) else { return Ok(None) };
        let Some(engine) = &mut device.engine else { return Ok(None) };
        let result = call(engine);
        let has_failed = device.fuse.take_failure();
        if has_failed {
            let failures = self.failures.entry(index).or_default();
            *failures = failures.saturating_add(1);
        }
        if device.fuse.is_blown() {
            let takes_effect = device.fuse.takes_effect();
            let fault = if takes_effect { Fault::KillAfterWrite } else { Fault::KillBeforeWrite };
            self.kill(index, fault)?;
            return Ok(None);
        }
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if has_failed => {
                let name = self.name(index);
                self.tell(Some(Fault::FailedWrite), format_args!("a write of {name} fails: {error}"));
                Ok(None)
            }
            Err(error) => Err(format!("{}: {error}", self.name(index)).into()),
        }
    }

    /// Kills a device and opens it again.
    pub(crate) fn kill(&mut self, index: usize, fault: Fault) -> Result<(), Failure> {
        let name = self.name(index);
        self.tell(Some(fault), format_args!("{name} is killed ({fault:?})"));
        if let Some(device) = self.devices.get_mut(index) {
            device.kill();
        }
        self.open(index)
    }

    fn take_events(&mut self, index: usize, most: usize, forgets: bool) -> Result<(), Failure> {
        if forgets {
            self.tell(Some(Fault::ForgottenEvents), "an application does not acknowledge its events");
        }
        let Some(device) = self.devices.get_mut(index) else { return Ok(()) };
        let result = device.take_events(most, forgets);
        if device.fuse.take_failure() && !device.fuse.is_blown() {
            return Ok(());
        }
        if device.fuse.is_blown() {
            return self.kill(index, Fault::KillBeforeWrite);
        }
        let version = device.version;
        for (group_id, has_leaf) in result? {
            // A device that has lost its store joins its groups again, and others as they like.
            if has_leaf || version.is_multiple_of(2) {
                self.join(index, &group_id, "joins what it has found")?;
            }
        }
        Ok(())
    }

    /// Lets the time pass at the server and the devices.
    pub(crate) async fn advance(&mut self, milliseconds: u64) -> Result<(), Failure> {
        self.clock.advance(milliseconds);
        let _ = self.server.service.run_due(self.clock.time()).await;
        Ok(())
    }

    /// Lets the user of a device do something.
    fn use_device(&mut self, index: usize, choice: u32, what: u32) -> Result<(), Failure> {
        let Some(engine) = self.devices.get(index).and_then(|device| device.engine.as_ref()) else {
            return Ok(());
        };
        let groups = engine.groups();
        let clients: Vec<ClientId> = self.certificates.clients().cloned().collect();
        let target = pick(&clients, choice).cloned().ok_or("no clients")?;
        let own = engine.own().clone();
        let Some(group_id) = pick(&groups, choice.rotate_right(8)).cloned() else {
            if self.groups.len() < 2 {
                return self.create(index, &own, &target, choice);
            }
            if what.is_multiple_of(4)
                && let Some(group_id) = pick(&self.groups, choice).cloned()
            {
                return self.join(index, &group_id, "joins");
            }
            return Ok(());
        };
        match what.checked_rem(20).unwrap_or(0) {
            0..=9 => self.send(index, &group_id, &format!("{own} {what}")),
            10..=12 => self.start(index, &format!("adds {}", target.user()), |engine| {
                engine.add(&group_id, [ClaimTarget::User(target.user())])
            }),
            13 => self.start(index, &format!("adds {target}"), |engine| {
                engine.add(&group_id, [ClaimTarget::Client(target.clone())])
            }),
            14 => self.start(index, &format!("removes {target}"), |engine| {
                engine.remove(&group_id, [ClaimTarget::Client(target.clone())])
            }),
            15 => self.leave(index, &group_id),
            16 | 17 => self.start(index, "updates", |engine| engine.update(&group_id)),
            18 => {
                let admins =
                    if what.is_multiple_of(3) { vec![own.user()] } else { vec![own.user(), target.user()] };
                let policy = varied_policy(admins, choice);
                self.start(index, "sets the policy", |engine| engine.set_policy(&group_id, policy))
            }
            _ if self.groups.len() < 3 => self.create(index, &own, &target, choice),
            _ => Ok(()),
        }
    }

    fn create(
        &mut self,
        index: usize,
        own: &ClientId,
        target: &ClientId,
        choice: u32,
    ) -> Result<(), Failure> {
        let policy = varied_policy(vec![own.user()], choice);
        self.create_group(index, policy, vec![own.user(), target.user()]).map(drop)
    }

    /// Lets a device create a group. Returns the group, unless the device is killed.
    pub(crate) fn create_group(
        &mut self,
        index: usize,
        policy: Policy,
        users: Vec<UserId>,
    ) -> Result<Option<GroupId>, Failure> {
        let created = self.with_engine(index, |engine| engine.create_group(policy, users))?;
        let Some((group_id, operation)) = created else { return Ok(None) };
        self.groups.push(group_id.clone());
        self.remember(index, operation, "creates a group");
        Ok(Some(group_id))
    }

    /// Lets a device join a group by an external Commit.
    pub(crate) fn join(&mut self, index: usize, group_id: &GroupId, what: &str) -> Result<(), Failure> {
        // If the device is killed, the operation may be stored without the user's knowledge.
        if let Some(device) = self.devices.get(index) {
            let count = self.joins.entry((device.client.clone(), group_id.clone())).or_default();
            *count = count.saturating_add(1);
        }
        self.start(index, what, |engine| engine.join(group_id))
    }

    /// Lets a device leave a group.
    pub(crate) fn leave(&mut self, index: usize, group_id: &GroupId) -> Result<(), Failure> {
        if let Some(device) = self.devices.get_mut(index) {
            let count = device.application.leaves.entry(group_id.clone()).or_default();
            *count = count.saturating_add(1);
        }
        self.start(index, "leaves", |engine| engine.leave(group_id))
    }

    /// Lets a device send a message.
    pub(crate) fn send(&mut self, index: usize, group_id: &GroupId, text: &str) -> Result<(), Failure> {
        let sent = self.with_engine(index, |engine| {
            match engine.send(group_id, "text/plain", text.as_bytes(), 0) {
                Ok(id) => Ok(Some(id)),
                Err(EngineError::NotAMember(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        let name = self.name(index);
        if let (Some(Some(id)), Some(device)) = (sent, self.devices.get_mut(index)) {
            device.application.messages.insert(id, group_id.clone());
            self.story.push(format!("{name} sends {id}"));
        }
        Ok(())
    }

    pub(crate) fn start(
        &mut self,
        index: usize,
        what: &str,
        start: impl FnOnce(&mut Engine<Fused>) -> Result<OperationId, EngineError>,
    ) -> Result<(), Failure> {
        let started = self.with_engine(index, |engine| match start(engine) {
            Ok(operation) => Ok(Some(operation)),
            Err(EngineError::NotAMember(_) | EngineError::InGroup(_)) => Ok(None),
            Err(error) => Err(error),
        })?;
        if let Some(Some(operation)) = started {
            self.remember(index, operation, what);
        }
        Ok(())
    }

    fn remember(&mut self, index: usize, operation: OperationId, what: &str) {
        self.story.push(format!("{} {what}: {operation:?}", self.name(index)));
        if let Some(device) = self.devices.get_mut(index) {
            device.application.operations.insert(operation, what.to_owned());
        }
    }

    /// Gives a device its next certificate.
    fn renew_certificate(&mut self, index: usize, choice: u32) -> Result<(), Failure> {
        let Some(device) = self.devices.get(index) else { return Ok(()) };
        let version = device.version.saturating_add(1);
        let Some(certified) = self.certificates.get(&device.client, version).cloned() else { return Ok(()) };
        if version >= VERSIONS || !choice.is_multiple_of(3) {
            return Ok(());
        }
        let name = self.name(index);
        self.tell(Some(Fault::NewCertificate), format_args!("{name} has certificate {version}"));
        self.with_engine(index, |engine| {
            let suite = RustCrypto.suite(SUITE).ok_or(EngineError::NoIdentity)?;
            let mut transaction = engine.session().store_mut().begin()?;
            transaction.put_signer(suite, &certified.private_key, &certified.credential)?;
            transaction.commit()?;
            engine.use_identity(&certified.credential)
        })?;
        let has_key = |engine: &mut Engine<Fused>| {
            let signers = engine.session().store().signers()?;
            Ok(signers.iter().any(|signer| signer.credential == certified.credential))
        };
        // The write of the key may have failed.
        if self.with_engine(index, has_key)? == Some(true)
            && let Some(device) = self.devices.get_mut(index)
        {
            device.version = version;
            device.renew_api(&certified, &self.server, &self.clock);
            self.with_engine(index, |engine| engine.use_identity(&certified.credential))?;
        }
        Ok(())
    }

    /// Lets a device lose its store in one of four cases. The device joins its groups again.
    fn lose_store(&mut self, index: usize, choice: u32) -> Result<(), Failure> {
        if choice.is_multiple_of(4) { self.replace_device(index) } else { Ok(()) }
    }

    /// Replaces a device by one with an empty store and the next certificate, if there is one.
    pub(crate) fn replace_device(&mut self, index: usize) -> Result<(), Failure> {
        let Some(device) = self.devices.get(index) else { return Ok(()) };
        let (client, version) = (device.client.clone(), device.version.saturating_add(1));
        if version > VERSIONS {
            return Ok(());
        }
        self.answered.retain(|(device, _)| *device != index);
        self.tell(Some(Fault::LostStore), format_args!("{client} loses its store"));
        let new = self.new_device(client, version, index)?;
        if let Some(device) = self.devices.get_mut(index) {
            *device = new;
        }
        self.open(index)
    }

    /// Lets all calls succeed until nothing is left to do. Returns whether that happened.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn settle(&mut self) -> Result<bool, Failure> {
        for device in &self.devices {
            device.fuse.reset();
        }
        self.run().await
    }

    /// Lets all calls succeed until nothing is left to do. Returns whether that happened. Lit fuses
    /// burn on.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub(crate) async fn run(&mut self) -> Result<bool, Failure> {
        let mut quiet = 0_u32;
        for _ in 0..400 {
            let mut calls = 0_u32;
            while !self.in_flight.is_empty() {
                let mut call = self.in_flight.remove(0);
                if call.result.is_none() {
                    call.result = Some(self.perform(call.device, &call.operation).await);
                }
                self.pass_answer(call)?;
            }
            for index in 0..self.devices.len() {
                let before = self.in_flight.len();
                self.start_call(index).await?;
                let started = self.in_flight.get(before).map(|call| is_mutation(&call.operation));
                calls = calls.saturating_add(u32::from(started == Some(true)));
                while self.in_flight.len() > before {
                    let last = self.in_flight.len();
                    self.start_call(index).await?;
                    if self.in_flight.len() == last {
                        break;
                    }
                }
            }
            for index in 0..self.devices.len() {
                self.take_events(index, usize::MAX, false)?;
            }
            let is_busy =
                self.devices.iter().filter_map(|device| device.engine.as_ref()).any(Engine::is_busy);
            quiet = if calls > 0 || is_busy { 0 } else { quiet.saturating_add(1) };
            if quiet > 12 {
                return Ok(true);
            }
            self.advance(1_000).await?;
        }
        Ok(false)
    }

    pub(crate) fn name(&self, index: usize) -> String {
        self.devices.get(index).map(|device| device.client.to_string()).unwrap_or_default()
    }
}

/// Returns the policy of a new group.
#[must_use]
pub fn policy(mut admins: Vec<UserId>) -> Policy {
    admins.sort();
    admins.dedup();
    let parameters = Parameters {
        key_package_lifetime: 90 * 24 * 60 * 60,
        idle_age: 0,
        update_interval: 900,
        past_epochs: 3,
        out_of_order: 16,
        forward: 1_000,
        padding: PaddingRule::None,
    };
    Policy {
        admins,
        add: Permission::Everyone,
        remove: Permission::Everyone,
        external_commits: ExternalCommits::UsersOfMembers,
        parameters,
        extensions: Vec::new(),
    }
}

/// Returns a policy that accepts messages of few past epochs, so that some messages come too late.
fn varied_policy(admins: Vec<UserId>, choice: u32) -> Policy {
    let mut policy = policy(admins);
    policy.parameters.past_epochs = u16::try_from(choice.checked_rem(4).unwrap_or(0)).unwrap_or(0);
    policy
}

fn is_mutation(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::CreateGroup(_)
            | Operation::SubmitCommit(..)
            | Operation::SubmitMessage(..)
            | Operation::RequestRemoval(..)
            | Operation::UploadKeyPackages(_)
            | Operation::ClaimKeyPackages(_)
            | Operation::RemoveInboxEntry(_)
    )
}

/// Returns the name of an operation.
pub(crate) fn describe(operation: &Operation) -> String {
    let text = format!("{operation:?}");
    let end = text.find(['(', ' ']).unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_owned()
}
