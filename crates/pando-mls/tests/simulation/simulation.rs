//! The whole simulation: the clients, the delivery service, an observer, and the recorded events.

use crate::client::{Id, Member, POLICY, Psks, SimulatedClient, State, context};
use crate::failure::{Explain, Failure, Outcome};
use crate::history::{Operation, Step};
use crate::observer::Observer;
use crate::random::Random;
use crate::removed_members::RemovedMember;
use crate::service::{PublicRecord, Record, Service};
use pando_mls::{CipherSuite, CryptoProvider, Extensions, Group, GroupId, RustCrypto, Signer, Suite};
use std::collections::BTreeMap;
use std::fmt;

/// The parameters of a simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameters {
    /// The first cipher suite, followed by the suites with which the group may be reinitialized.
    pub(crate) suites: &'static [u16],
    pub(crate) clients: usize,
    pub(crate) seed: u64,
}

/// An event from the point of view of the delivery service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A step has begun.
    Step(Step),
    /// A new epoch has begun. The event names the epoch and its committer.
    Epoch(u64, Id),
    Joined(Id),
    Removed(Id),
    /// A client has a new signature key.
    Rotated(Id),
    /// A new group has replaced the old one.
    Reinitialized(CipherSuite),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(Step { operation, seed }) => write!(f, "{operation:?}, seed {seed:#018x}"),
            Self::Epoch(epoch, by) => write!(f, "    epoch {epoch} begins by a Commit of client {by}"),
            Self::Joined(id) => write!(f, "    client {id} joins"),
            Self::Removed(id) => write!(f, "    client {id} goes"),
            Self::Rotated(id) => write!(f, "    client {id} has a new signature key"),
            Self::Reinitialized(suite) => write!(f, "    the group begins again with {suite}"),
        }
    }
}

/// The number of times that each operation was performed.
pub(crate) type Tally = BTreeMap<String, usize>;

pub(crate) struct Simulation {
    pub(crate) parameters: Parameters,
    pub(crate) suite: Suite,
    pub(crate) group_id: GroupId,
    pub(crate) clients: Vec<SimulatedClient>,
    pub(crate) psks: Psks,
    pub(crate) service: Service,
    /// The external sender of groups that have one.
    pub(crate) server: Box<dyn Signer>,
    pub(crate) removed_members: Vec<RemovedMember>,
    pub(crate) observer: Option<Observer>,
    pub(crate) events: Vec<Event>,
    pub(crate) tally: Tally,
    /// The total number of accepted Commits in all groups.
    pub(crate) commits: usize,
}

pub(crate) fn suite(number: u16) -> Outcome<Suite> {
    RustCrypto.suite(CipherSuite(number)).ok_or_else(|| Failure(format!("there is no suite {number}")))
}

impl Simulation {
    /// Returns a simulation in which client 0 has created a group.
    pub(crate) fn new(parameters: Parameters) -> Outcome<Self> {
        let mut random = Random::new(parameters.seed);
        let suite = suite(parameters.suites[0])?;
        let clients = (0..parameters.clients).map(|id| SimulatedClient::new(id, suite, &mut random));
        let clients = clients.collect::<Outcome<_>>()?;
        let server = suite.signer(&suite.signature_generate_key(random.rng())?)?;
        let mut simulation = Self {
            parameters,
            suite,
            group_id: GroupId::from(b"group 0".as_slice()),
            clients,
            psks: Psks::default(),
            service: Service::default(),
            server,
            removed_members: Vec::new(),
            observer: None,
            events: Vec::new(),
            tally: Tally::new(),
            commits: 0,
        };
        simulation.create(&mut random)?;
        Ok(simulation)
    }

    fn create(&mut self, random: &mut Random) -> Outcome {
        let requires = random.percent(20);
        let extensions = self.extensions(requires, random)?;
        let creator = &mut self.clients[0];
        creator.key_package(self.suite, true, random)?;
        let bundle = creator.take_bundle(|_| true)?;
        let cx = context(creator.newest_signer(), &self.psks, creator.config);
        let created =
            Group::builder(self.group_id.clone()).extensions(extensions).build(bundle, &cx, random.rng())?;
        let member = Member::new(created, creator.config.ratchet_limits);
        creator.state = State::Member(member);
        self.enter(0)?;
        self.events.push(Event::Joined(0));
        self.observe_anew(0)
    }

    /// Runs a step. If the step was possible, counts it.
    pub(crate) fn step(&mut self, step: Step) -> Outcome {
        self.events.push(Event::Step(step));
        let mut random = Random::new(step.seed);
        let random = &mut random;
        let done = match step.operation {
            Operation::Commit(change) => self.commit(change, random),
            Operation::Race => self.race(random),
            Operation::LoseCommit => self.lose_commit(random),
            Operation::Propose(proposed) => self.propose(proposed, random),
            Operation::ProposeFromOutside => self.propose_from_outside(random),
            Operation::AskToBeAdded => self.ask_to_be_added(random),
            Operation::JoinFromOutside => self.join_from_outside(random),
            Operation::Resync => self.resync(random),
            Operation::Reinit => self.reinit(random),
            Operation::Branch => self.branch(random),
            Operation::Chat => self.chat(random),
            Operation::Deliver => self.deliver(random),
            Operation::Restart => self.restart(random),
        };
        if done? {
            self.count(format!("{:?}", step.operation));
        }
        Ok(())
    }

    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.tally.entry(what.into()).or_default() += 1;
    }

    /// Returns the members that are online and have processed all Commits.
    pub(crate) fn ready(&self) -> Vec<Id> {
        let head = self.service.head();
        let ready = |client: &&SimulatedClient| match &client.state {
            State::Member(member) => {
                let up_to_date = member.group.epoch() == head && member.group.is_active();
                client.online && up_to_date
            }
            _ => false,
        };
        self.clients.iter().filter(ready).map(|client| client.id).collect()
    }

    /// Returns the members that may send more handshake messages in their epoch. If too many
    /// messages of a sender arrived out of order, receivers would no longer have the keys of some
    /// of them.
    pub(crate) fn proposers(&self) -> Vec<Id> {
        let mut ready = self.ready();
        ready.retain(|id| self.clients[*id].member().is_ok_and(|member| member.handshakes < 6));
        ready
    }

    /// Returns the clients that have a group, whether or not it is up to date.
    pub(crate) fn members(&self) -> Vec<Id> {
        self.of_state(|state| matches!(state, State::Member(_)))
    }

    pub(crate) fn of_state(&self, is_it: impl Fn(&State) -> bool) -> Vec<Id> {
        self.clients.iter().filter(|client| is_it(&client.state)).map(|client| client.id).collect()
    }

    /// Checks that a member has the same state as the other members in its epoch.
    pub(crate) fn enter(&mut self, id: Id) -> Outcome {
        let record = Record::of(&self.clients[id].member()?.group)?;
        self.psks.resumption.insert(record.public.context.epoch, record.resumption_psk.clone());
        self.service.enter(id, record).during(|| format!("client {id} enters an epoch"))?;
        Ok(())
    }

    /// Returns a GroupInfo that a member has issued.
    pub(crate) fn group_info(&self, by: Id, with_tree: bool) -> Outcome<pando_mls::GroupInfo> {
        use pando_mls::{Decode, Encode, GroupInfo};
        let client = &self.clients[by];
        let group = &client.member()?.group;
        let cx = context(client.signer(group)?, &self.psks, client.config);
        let builder = group.group_info();
        let builder = if with_tree { builder } else { builder.without_tree() };
        Ok(GroupInfo::decode(&builder.build(&cx)?.encode()?)?)
    }

    /// Starts a new observer with a member's GroupInfo.
    pub(crate) fn observe_anew(&mut self, by: Id) -> Outcome {
        let group_info = self.group_info(by, true)?;
        let observer = Observer::new(self.suite, &group_info, POLICY)?;
        observer.agrees_with(&self.service.current()?.public)?;
        self.observer = Some(observer);
        Ok(())
    }

    /// Records which clients have joined or left, and which have changed their key.
    pub(crate) fn note_changes(&mut self, before: &PublicRecord) -> Outcome {
        let after = &self.service.current()?.public;
        let (before, after) = (&before.roster, &after.roster);
        for id in after.keys().filter(|id| !before.contains_key(id)) {
            self.events.push(Event::Joined(*id));
        }
        for id in before.keys().filter(|id| !after.contains_key(id)) {
            self.events.push(Event::Removed(*id));
        }
        for (id, member_leaf) in after {
            if before.get(id).is_some_and(|old| old.key != member_leaf.key) {
                self.events.push(Event::Rotated(*id));
            }
        }
        Ok(())
    }

    /// Restarts a client.
    fn restart(&mut self, random: &mut Random) -> Outcome<bool> {
        let Some(id) = random.pick(self.members()) else { return Ok(false) };
        let orderly = random.percent(50);
        self.clients[id].restart(&self.psks, orderly).during(|| format!("client {id} restarts"))?;
        if let Some(observer) = &mut self.observer {
            observer.restart().during(|| "the observer restarts".to_owned())?;
        }
        let record = Record::of(&self.clients[id].member()?.group)?;
        self.service.enter(id, record).during(|| format!("client {id} restarts"))?;
        Ok(true)
    }

    /// Returns group extensions. If `requires` is set, they include those that only some clients
    /// support.
    pub(crate) fn extensions(&self, requires: bool, random: &mut Random) -> Outcome<Extensions> {
        crate::proposals::extensions(&*self.server, requires, random)
    }
}
