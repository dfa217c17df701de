//! Scripts: simulations without a random schedule.
//!
//! A test says step by step what the users do, which calls are answered and which are lost, and at
//! which write a device is killed. Everything else goes well.

use crate::authority::Certificates;
use crate::checker::Violation;
use crate::world::{Failure, Fault, World, describe, policy};
use pando_api::{ClaimTarget, ClientId, UserId};
use pando_client::{Answer, CallError, Event};
use pando_mls::GroupId;

/// What a user does with a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Adds all devices of a user.
    Add(UserId),
    /// Removes a device.
    Remove(ClientId),
    /// Sets a policy with these admins.
    SetPolicy(Vec<UserId>),
    /// Renews the leaf.
    Update,
    /// Leaves the group.
    Leave,
    /// Joins by an external Commit.
    Join,
    /// Sends a message.
    Send(String),
}

/// What happens to a call that is in flight.
#[derive(Debug, Clone)]
pub enum Fate {
    /// The server answers.
    Answered,
    /// The request does not reach the server, and the client does not know it.
    Lost,
    /// The server performs the request, and the answer is lost.
    AnswerLost,
    /// The client receives this error, and the server nothing.
    Refused(CallError),
    /// The client receives another answer than the server's.
    Altered(fn(Answer) -> Answer),
}

/// A simulation without a random schedule.
pub struct Script<'a> {
    world: World<'a>,
}

impl<'a> Script<'a> {
    /// Begins a script. All devices are on and have KeyPackages at the server.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn begin(certificates: &'a Certificates) -> Result<Self, Failure> {
        let mut script = Self { world: World::new(certificates, 0)? };
        script.settle().await?;
        Ok(script)
    }

    /// Lets devices join again by themselves when they are opened from now on.
    pub const fn let_devices_rejoin(&mut self) {
        self.world.rejoins = true;
    }

    /// Returns the number of a device, for example `alice/laptop`.
    ///
    /// # Errors
    /// There is no such device.
    pub fn device(&self, name: &str) -> Result<usize, Failure> {
        let name = name.replace('/', "@example.org/");
        let place = self.world.devices.iter().position(|device| device.client.as_str() == name);
        Ok(place.ok_or_else(|| format!("there is no device {name}"))?)
    }

    /// Lets a device create a group with the devices of users, and returns the group. Returns
    /// `None` if the device is killed.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn create(&mut self, device: usize, users: &[&str]) -> Result<Option<GroupId>, Failure> {
        let users: Result<Vec<_>, _> = users.iter().map(|name| user(name)).collect();
        let own = self.world.devices.get(device).ok_or("there is no such device")?.client.user();
        self.world.create_group(device, policy(vec![own]), users?)
    }

    /// Lets the user of a device do something.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn act(&mut self, device: usize, group_id: &GroupId, deed: &Deed) -> Result<(), Failure> {
        let (world, what) = (&mut self.world, format!("{deed:?}"));
        match deed {
            Deed::Add(user) => {
                world.start(device, &what, |engine| engine.add(group_id, [ClaimTarget::User(user.clone())]))
            }
            Deed::Remove(client) => world.start(device, &what, |engine| {
                engine.remove(group_id, [ClaimTarget::Client(client.clone())])
            }),
            Deed::SetPolicy(admins) => {
                let policy = policy(admins.clone());
                world.start(device, &what, |engine| engine.set_policy(group_id, policy))
            }
            Deed::Update => world.start(device, &what, |engine| engine.update(group_id)),
            Deed::Leave => world.leave(device, group_id),
            Deed::Join => world.join(device, group_id, &what),
            Deed::Send(text) => world.send(device, group_id, text),
        }
    }

    /// Lets the write of a device after `left` others kill it. With `takes_effect`, the write is
    /// stored.
    pub fn light_fuse(&self, device: usize, left: u32, takes_effect: bool) {
        if let Some(device) = self.world.devices.get(device) {
            device.fuse.light(left, takes_effect, false);
        }
    }

    /// Lets the write of a device after `left` others fail, and all others succeed. With
    /// `takes_effect`, the write that fails is stored.
    pub fn fail_write(&self, device: usize, left: u32, takes_effect: bool) {
        if let Some(device) = self.world.devices.get(device) {
            device.fuse.light(left, takes_effect, true);
        }
    }

    /// Returns whether the write that kills a device has not come yet.
    #[must_use]
    pub fn is_fuse_lit(&self, device: usize) -> bool {
        self.world.devices.get(device).is_some_and(|device| device.fuse.is_lit())
    }

    /// Switches a device off, as a kill does.
    pub fn switch_off(&mut self, device: usize) {
        if let Some(device) = self.world.devices.get_mut(device) {
            device.kill();
        }
    }

    /// Switches a device on.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn switch_on(&mut self, device: usize) -> Result<(), Failure> {
        self.world.open(device)
    }

    /// Kills a device and switches it on again.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn kill(&mut self, device: usize) -> Result<(), Failure> {
        self.world.kill(device, Fault::Kill)
    }

    /// Replaces a device by one without a store, with the next certificate.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub fn lose_store(&mut self, device: usize) -> Result<(), Failure> {
        self.world.replace_device(device)
    }

    /// Lets a device make all calls that it wants to make, and returns the names of its calls in
    /// flight.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn calls(&mut self, device: usize) -> Result<Vec<String>, Failure> {
        loop {
            let before = self.world.in_flight.len();
            self.world.start_call(device).await?;
            if self.world.in_flight.len() == before {
                break;
            }
        }
        let own = self.world.in_flight.iter().filter(|call| call.device == device);
        Ok(own.map(|call| describe(&call.operation)).collect())
    }

    /// Decides a call of a device, and passes the result to the device. Returns `false` if there is
    /// no such call.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn decide(&mut self, device: usize, name: &str, fate: Fate) -> Result<bool, Failure> {
        let Some(place) = self.place_of(device, name) else { return Ok(false) };
        let mut call = self.world.in_flight.remove(place);
        let arrived = call.result.take();
        let lost = || Err(CallError::OutcomeUnknown("lost in the script".to_owned()));
        call.result = Some(match fate {
            Fate::Answered => match arrived {
                Some(result) => result,
                None => self.world.perform(device, &call.operation).await,
            },
            Fate::Altered(alter) => self.world.perform(device, &call.operation).await.map(alter),
            Fate::Lost => lost(),
            Fate::AnswerLost => {
                let _ = self.world.perform(device, &call.operation).await;
                lost()
            }
            Fate::Refused(error) => Err(error),
        });
        self.world.pass_answer(call)?;
        Ok(true)
    }

    /// Lets the server perform a call of a device. The answer is on its way until the call is
    /// decided. Returns `false` if there is no such call.
    pub async fn deliver(&mut self, device: usize, name: &str) -> bool {
        let Some(place) = self.place_of(device, name) else { return false };
        let mut call = self.world.in_flight.remove(place);
        call.result = Some(self.world.perform(device, &call.operation).await);
        self.world.in_flight.push(call);
        true
    }

    fn place_of(&self, device: usize, name: &str) -> Option<usize> {
        let mut calls = self.world.in_flight.iter();
        calls.position(|call| call.device == device && describe(&call.operation) == name)
    }

    /// Lets the calls of one device succeed, some seconds long.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn work(&mut self, device: usize, seconds: u32) -> Result<(), Failure> {
        for _ in 0..seconds {
            for name in self.calls(device).await? {
                self.decide(device, &name, Fate::Answered).await?;
            }
            self.wait(1_000).await?;
        }
        Ok(())
    }

    /// Lets the time pass.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn wait(&mut self, milliseconds: u64) -> Result<(), Failure> {
        self.world.advance(milliseconds).await
    }

    /// Lets all calls succeed until nothing is left to do. Lit fuses burn on.
    ///
    /// # Errors
    /// A client stays busy.
    pub async fn settle(&mut self) -> Result<(), Failure> {
        if self.world.run().await? { Ok(()) } else { Err("a client is still busy".into()) }
    }

    /// Returns the violations of the invariants.
    ///
    /// # Errors
    /// A failure of the simulation itself.
    pub async fn check(&mut self) -> Result<Vec<Violation>, Failure> {
        self.world.check().await
    }

    /// Returns the groups of which a device is a member.
    #[must_use]
    pub fn groups(&self, device: usize) -> Vec<GroupId> {
        let engine = self.world.devices.get(device).and_then(|device| device.engine.as_ref());
        engine.map(pando_client::Engine::groups).unwrap_or_default()
    }

    /// Returns the members of a group as a device sees them, sorted.
    ///
    /// # Errors
    /// The device is not a member.
    pub fn members(&mut self, device: usize, group_id: &GroupId) -> Result<Vec<ClientId>, Failure> {
        let engine = self.world.devices.get_mut(device).and_then(|device| device.engine.as_mut());
        let group = engine.ok_or("the device is off")?.session().group(group_id)?;
        let mut members = Vec::new();
        for member in group.members() {
            members.push(pando_api::DeviceCertificate::read(&member?.credential)?.client);
        }
        members.sort();
        Ok(members)
    }

    /// Returns the epoch of a group as a device sees it.
    ///
    /// # Errors
    /// The device is not a member.
    pub fn epoch(&mut self, device: usize, group_id: &GroupId) -> Result<u64, Failure> {
        let engine = self.world.devices.get_mut(device).and_then(|device| device.engine.as_mut());
        Ok(engine.ok_or("the device is off")?.session().group(group_id)?.epoch())
    }

    /// Returns the events that the application of a device has taken, the earliest first.
    #[must_use]
    pub fn events(&self, device: usize) -> Vec<Event> {
        let device = self.world.devices.get(device);
        device.into_iter().flat_map(|device| device.events(None)).map(|stored| stored.event.clone()).collect()
    }

    /// Returns what has happened, for people.
    #[must_use]
    pub fn text(&self) -> String {
        self.world.story.join("\n")
    }
}

/// Returns a user by the name.
///
/// # Errors
/// The name is not valid.
pub(crate) fn user(name: &str) -> Result<UserId, Failure> {
    Ok(format!("{name}@example.org").parse()?)
}
