//! The simulated clients, their group, and the operations on it.

use crate::count::{Counts, Key};
use crate::member::{Bytes, Client, EXTENSION, Library, Member, Outcome, Processed, Setting, View};
use crate::messages::SentMessages;
use crate::operation::Operation;
use crate::random::Random;
use crate::trace::{Checked, Failure, ensure};
use pando_mls::wire::{ExternalSender, ExternalSenders, RequiredCapabilities};
use pando_mls::{Credential, Encode, Extension, ExtensionType, Extensions};
use std::collections::BTreeSet;

/// Maximum number of members in the group.
pub(crate) const LARGEST: usize = 12;

/// The number that identifies a client.
pub(crate) type Id = usize;

/// A client, which may be a member of the group or not.
pub(crate) struct TestClient {
    /// The index of the implementation that the client uses.
    pub(crate) library: usize,
    pub(crate) identity: Bytes,
    pub(crate) client: Box<dyn Client>,
    pub(crate) member: Option<Box<dyn Member>>,
    /// The epoch in which the client joined.
    pub(crate) joined: u64,
}

/// The encoded extensions of a group.
pub(crate) struct GroupExtensions {
    pub(crate) bytes: Bytes,
    /// Whether one of the extensions is missing from `required_capabilities`.
    pub(crate) not_required: bool,
}

/// The state of a run.
pub(crate) struct Simulation {
    pub(crate) libraries: Vec<Box<dyn Library>>,
    pub(crate) setting: Setting,
    pub(crate) random: Random,
    pub(crate) clients: Vec<TestClient>,
    /// One external sender for each implementation, in the same order as the implementations.
    pub(crate) outsiders: Vec<Box<dyn Client>>,
    pub(crate) epoch: u64,
    pub(crate) messages: SentMessages,
    pub(crate) counts: Counts,
    pub(crate) trace: Vec<String>,
}

impl Simulation {
    /// Creates the initial state of a run, without any clients.
    pub(crate) fn new(libraries: Vec<Box<dyn Library>>, setting: Setting, seed: u64) -> Self {
        Self {
            libraries,
            setting,
            random: Random::new(seed),
            clients: Vec::new(),
            outsiders: Vec::new(),
            epoch: 0,
            messages: SentMessages::default(),
            counts: Counts::default(),
            trace: Vec::new(),
        }
    }

    /// Creates the external senders and a group with a single member.
    pub(crate) fn begin(&mut self) -> Checked {
        for (position, library) in self.libraries.iter().enumerate() {
            let identity = format!("outside-{position}");
            let client = library.client(identity.as_bytes(), self.setting, self.random.number());
            let client = client.map_err(|refusal| Failure(format!("{}: {refusal}", library.name())))?;
            self.outsiders.push(client);
        }
        let library = self.random.below(self.libraries.len());
        let creator = self.new_client(library)?;
        let extensions = self.extensions(self.all_can(Operation::ExtensionNotRequired))?.bytes;
        self.log_step(format!("{} creates the group", self.name(creator)));
        let created = self.clients[creator].client.create(b"cross", &extensions);
        self.clients[creator].member = Some(self.attribute(creator, "creates the group", created)?);
        Ok(())
    }

    pub(crate) fn log_step(&mut self, step: impl Into<String>) {
        self.trace.push(step.into());
    }

    /// Converts the result of a call to a client's implementation. An error text is prefixed with
    /// the name and the action of the client.
    pub(crate) fn attribute<T>(&self, id: Id, doing: &str, outcome: Outcome<T>) -> Checked<T> {
        outcome
            .map_err(|refusal| Failure(format!("epoch {}: {} {doing}: {refusal}", self.epoch, self.name(id))))
    }

    pub(crate) fn name(&self, id: Id) -> String {
        format!("{id} ({})", self.library(id).name())
    }

    pub(crate) fn names(&self, ids: impl IntoIterator<Item = Id>) -> String {
        ids.into_iter().map(|id| self.name(id)).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn library(&self, id: Id) -> &dyn Library {
        &*self.libraries[self.clients[id].library]
    }

    pub(crate) fn new_client(&mut self, library: usize) -> Checked<Id> {
        let id = self.clients.len();
        let identity = format!("person-{id}").into_bytes();
        let seed = self.random.number();
        let client = self.libraries[library].client(&identity, self.setting, seed);
        let client =
            client.map_err(|refusal| Failure(format!("{}: {refusal}", self.libraries[library].name())))?;
        self.clients.push(TestClient { library, identity, client, member: None, joined: 0 });
        Ok(id)
    }

    /// Returns a client that is neither in the group nor in `but`. In most cases, the client is
    /// new.
    pub(crate) fn client_outside(&mut self, but: &BTreeSet<Id>) -> Checked<Id> {
        let outside: Vec<_> =
            (0..self.clients.len()).filter(|id| !self.is_member(*id) && !but.contains(id)).collect();
        if self.random.percent(40)
            && let Some(id) = self.random.pick(&outside)
        {
            return Ok(id);
        }
        let library = self.random.below(self.libraries.len());
        self.new_client(library)
    }

    pub(crate) fn is_member(&self, id: Id) -> bool {
        self.clients[id].member.is_some()
    }

    pub(crate) fn members(&self) -> Vec<Id> {
        (0..self.clients.len()).filter(|id| self.is_member(*id)).collect()
    }

    pub(crate) fn others(&self, but: Id) -> Vec<Id> {
        self.members().into_iter().filter(|id| *id != but).collect()
    }

    pub(crate) fn member(&mut self, id: Id) -> Checked<&mut Box<dyn Member>> {
        let missing = || Failure(format!("{id} is not a member"));
        self.clients[id].member.as_mut().ok_or_else(missing)
    }

    pub(crate) fn leaf(&self, id: Id) -> Checked<u32> {
        let missing = || Failure(format!("{id} is not a member"));
        Ok(self.clients[id].member.as_ref().ok_or_else(missing)?.own_leaf())
    }

    /// Calls a function on a member, and names the member if it fails.
    pub(crate) fn with_member<T>(
        &mut self,
        id: Id,
        doing: &str,
        what: impl FnOnce(&mut dyn Member) -> Outcome<T>,
    ) -> Checked<T> {
        let outcome = what(&mut **self.member(id)?);
        self.attribute(id, doing, outcome)
    }

    /// Calls a function on a client, and names the client if it fails.
    pub(crate) fn with_client<T>(
        &mut self,
        id: Id,
        doing: &str,
        what: impl FnOnce(&mut dyn Client) -> Outcome<T>,
    ) -> Checked<T> {
        let outcome = what(&mut *self.clients[id].client);
        self.attribute(id, doing, outcome)
    }

    /// Returns whether an implementation can make an operation, and all members can process it.
    pub(crate) fn possible(&self, operation: Operation, library: usize) -> bool {
        let all_can_receive =
            self.members().into_iter().all(|id| self.library(id).cannot_take(operation).is_none());
        all_can_receive && self.libraries[library].cannot_make(operation).is_none()
    }

    pub(crate) fn count(&mut self, operation: Operation, maker: usize, receiver: Id) {
        let (maker, receiver) = (self.libraries[maker].name(), self.library(receiver).name());
        self.counts.count(Key { suite: self.setting.suite, operation, maker, receiver });
    }

    /// Returns whether all implementations can both make and process an operation.
    pub(crate) fn all_can(&self, operation: Operation) -> bool {
        let can = |library: &Box<dyn Library>| {
            library.cannot_make(operation).is_none() && library.cannot_take(operation).is_none()
        };
        self.libraries.iter().all(can)
    }

    /// Returns extensions for the group, which are the external senders and sometimes others. An
    /// extension that is missing from `required_capabilities` is included only if `not_required` is
    /// set.
    pub(crate) fn extensions(&mut self, not_required: bool) -> Checked<GroupExtensions> {
        let failed = |error| Failure(format!("{error:?}"));
        let senders = self.outsiders.iter().enumerate().map(|(position, client)| ExternalSender {
            signature_key: client.signature_key().into(),
            credential: Credential::Basic { identity: format!("outside-{position}").into_bytes().into() },
        });
        let senders = ExternalSenders(senders.collect());
        let mut extensions = vec![Extension::new(&senders).map_err(failed)?];
        let is_required = self.random.percent(50);
        if is_required {
            let required = RequiredCapabilities {
                extension_types: vec![ExtensionType(EXTENSION)],
                proposal_types: Vec::new(),
                credential_types: Vec::new(),
            };
            extensions.push(Extension::new(&required).map_err(failed)?);
        }
        let is_there = (is_required || not_required) && self.random.percent(70);
        if is_there {
            let extension_data = self.random.bytes(20).into();
            extensions.push(Extension { extension_type: ExtensionType(EXTENSION), extension_data });
        }
        let bytes = Extensions(extensions).encode().map_err(failed)?;
        Ok(GroupExtensions { bytes, not_required: is_there && !is_required })
    }

    /// Makes a member process a message.
    pub(crate) fn process(&mut self, id: Id, doing: &str, message: &[u8]) -> Checked<Processed> {
        let processed = self.with_member(id, doing, |member| member.process(message))?;
        self.counts.messages += 1;
        Ok(processed)
    }

    /// Deletes the group of a client, which is then no longer a member.
    pub(crate) fn forget(&mut self, id: Id) -> Checked {
        self.messages.forget(id);
        match self.clients[id].member.take() {
            Some(member) => {
                let forgotten = member.forget();
                self.attribute(id, "deletes its group", forgotten)
            }
            None => Ok(()),
        }
    }

    /// Starts a new epoch, and checks that all members have the same view of it.
    pub(crate) fn enter(&mut self) -> Checked {
        self.epoch += 1;
        self.counts.epochs += 1;
        let members = self.members();
        let views = self.views(&members)?;
        self.agree(&members, &views)?;
        let epoch = self.epoch;
        ensure(views[0].epoch == epoch, || format!("the epoch is {}, not {epoch}", views[0].epoch))?;
        let (mut there, mut expected) = (Vec::new(), Vec::new());
        for id in members {
            expected.push((self.leaf(id)?, self.clients[id].identity.clone()));
        }
        there.extend(views[0].roster.iter().cloned());
        expected.sort();
        ensure(there == expected, || format!("epoch {epoch}: the members are {there:?}, not {expected:?}"))
    }

    pub(crate) fn views(&mut self, members: &[Id]) -> Checked<Vec<View>> {
        let (label, context) = (format!("label {}", self.random.below(1_000)), self.random.bytes(40));
        members
            .iter()
            .map(|id| self.with_member(*id, "shows its view", |member| member.view(&label, &context)))
            .collect()
    }

    /// Checks that all members have the same view. If they do not, the error lists the values on
    /// which they disagree.
    pub(crate) fn agree(&self, members: &[Id], views: &[View]) -> Checked {
        let first = &views[0];
        let mut complaints = Vec::new();
        let fields: [(&str, &dyn Fn(&View) -> String); 6] = [
            ("epoch", &|view| view.epoch.to_string()),
            ("epoch authenticator", &|view| hex::encode(&view.authenticator)),
            ("exported secret", &|view| hex::encode(&view.exported)),
            ("GroupContext", &|view| hex::encode(&view.context)),
            ("tree", &|view| hex::encode(&view.tree)),
            ("members", &|view| format!("{:?}", view.roster)),
        ];
        if views.iter().all(|view| view == first) {
            return Ok(());
        }
        for (field, value) in fields {
            if views.iter().all(|view| value(view) == value(first)) {
                continue;
            }
            for (id, view) in members.iter().zip(views) {
                complaints.push(format!("{}: {field} {}", self.name(*id), value(view)));
            }
        }
        Err(Failure(format!("epoch {}: members disagree:\n{}", self.epoch, complaints.join("\n"))))
    }
}
