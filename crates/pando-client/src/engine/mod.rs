//! The engine of a client: durable operations, reading, and detection of misconduct, without input
//! or output.
//!
//! The engine keeps the groups of one client at one server. The caller asks [`Engine::next_call`]
//! for the next call to the server, performs it, and passes the result to [`Engine::complete`].
//! Calls can be in flight at the same time, and a result may come late, twice or never. After a
//! restart, the engine goes on from what it has stored.
//!
//! # Operations
//!
//! An operation is stored when the application starts it, and ends with an event. Its request is
//! stored before it is sent, and sent unchanged until its outcome is known:
//!
//! 1. The engine stores the intent.
//! 2. It builds the request, and stores it in the transaction that makes the Commit pending.
//! 3. It sends the request. If the outcome is unknown, it sends the same bytes again.
//! 4. If the server accepts a Commit, the engine reads the log. Only the log merges a Commit, so
//!    that a client and the members agree whatever the server answers.
//! 5. If another Commit has won the epoch, the engine reads it in the log, which drops the own
//!    Commit, and builds the operation again with the KeyPackages that it has claimed.
//! 6. If the server refuses the request for good, the engine drops it. Depending on the reason, it
//!    builds the request again or ends the operation with [`Event::OperationFailed`].
//!
//! Each entry of the log is processed in one transaction with the cursor and the events.
//!
//! # Left out on purpose
//!
//! Networking, clocks and tasks: the caller drives the engine. The engine reads the time from the
//! [`Clock`] and takes randomness from the generator that it is given.

mod answers;
mod calls;
mod commits;
mod error;
mod event;
mod heads;
mod identity;
mod inbox;
mod joining;
mod key_packages;
mod lanes;
mod messages;
mod mistake;
mod mistaken_steps;
mod operations;
mod purpose;
mod randomness;
mod reading;
mod reports;
mod rows;
mod settings;
mod state;
mod text;
mod updates;

pub use calls::{Call, Next};
pub use error::EngineError;
pub use event::{Event, EventId, Message, OperationId, StoredEvent};
pub use lanes::CallId;
#[cfg(feature = "mistakes")]
pub use mistake::Mistake;
pub use settings::{EngineSettings, mls_client};

#[cfg(not(feature = "mistakes"))]
use mistake::Mistake;

use crate::transport::Clock;
use identity::find_identity;
use lanes::{Lane, Lanes};
use pando_api::{ClientId, DeviceCertificate, Domain, LogId, ServerKeys, ServerPublicKey};
use pando_mls::{Credential, CryptoRng, GroupId};
use pando_store::session::SessionError;
use pando_store::{Backend, GroupLock, Session, Store, StoreError, StoredSigner};
use purpose::{Progress, Purpose, Welcome};
use randomness::SharedRng;
use rows::GroupStage;
use state::State;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

/// The engine of one client at one server.
pub struct Engine<B: Backend> {
    session: Session<B>,
    state: State,
    lanes: Lanes,
    /// What the calls in flight are for.
    calls: BTreeMap<CallId, (Lane, Purpose)>,
    /// The Welcomes that were read and not handled.
    welcomes: VecDeque<Welcome>,
    /// The last Welcome that was read from the inbox.
    read_inbox_seq: u64,
    /// The last answers to the requests of an external join, by the operation.
    joins: BTreeMap<u64, Progress>,
    /// The groups whose log must be read before anything is written.
    behind: BTreeSet<GroupId>,
    /// The groups that the server has ended, with their successors. Their logs are read to the end.
    ended: BTreeMap<GroupId, Option<GroupId>>,
    /// How often an upload of KeyPackages was refused since the last one that was accepted.
    refused_uploads: u32,
    /// When this client commits the pending proposals of a group.
    commit_times: BTreeMap<GroupId, u64>,
    /// When the client renews its leaf in a group.
    update_times: BTreeMap<GroupId, u64>,
    /// The last entries of groups that were acknowledged to the server, and when.
    acknowledged: BTreeMap<GroupId, (u64, u64)>,
    /// When the client counts its KeyPackages again.
    count_time: u64,
    /// Whether the server must be asked for its keys again, because a head names an unknown one.
    must_describe: bool,
    /// Whether the server accepts no more logins.
    is_locked: bool,
    /// Whether the rows in memory may differ from the stored ones, because a step has failed.
    is_stale: bool,
    /// How often the rows were loaded again, and the calls in flight forgotten.
    reloads: u64,
    identity: StoredSigner,
    own: ClientId,
    domain: Domain,
    clock: Arc<dyn Clock + Send + Sync>,
    rng: SharedRng,
    settings: EngineSettings,
    /// Keeps other engines from using the store.
    _lock: GroupLock,
}

/// The name of the engine's lock. No group has it, because identifiers of groups have at least 16
/// bytes.
const LOCK: &[u8] = b"engine";

impl<B: Backend> Engine<B> {
    /// Opens the engine on a store.
    ///
    /// `domain` is that of the server. `credential` is our certificate, whose signature key is in
    /// the store. `client` comes from [`mls_client`]. An engine has its store for itself, because
    /// it keeps its rows in memory: processes that share a store open the engine one after the
    /// other.
    ///
    /// # Errors
    /// - [`EngineError::NoIdentity`] if the store does not have the certificate's key.
    /// - [`EngineError::InUse`] if another engine has the store open and does not close it in time.
    /// - [`EngineError::Certificate`], [`EngineError::Store`].
    pub fn open(
        store: Store<B>,
        (client, credential): (pando_mls::Client, &Credential),
        domain: Domain,
        (clock, rng): (impl Clock + Send + Sync + 'static, impl CryptoRng + Send + 'static),
        settings: EngineSettings,
    ) -> Result<Self, EngineError> {
        let certificate = DeviceCertificate::read(credential);
        let own = certificate.map_err(|error| EngineError::Certificate(error.to_string()))?.client;
        let lock = store.lock(&GroupId::from(LOCK), settings.lock_wait).map_err(|error| match error {
            StoreError::Busy => EngineError::InUse,
            error => error.into(),
        })?;
        let identity = find_identity(&store, credential, settings.cipher_suite)?;
        let clock: Arc<dyn Clock + Send + Sync> = Arc::new(clock);
        let rng = SharedRng::new(rng);
        let mut state = State::load(&store)?;
        if settings.makes(Mistake::ForgetsRequest) {
            state.forget_requests();
        }
        if settings.makes(Mistake::SkipsOnReconnect) {
            state.skip_entries(true);
        }
        if settings.makes(Mistake::NumbersEventsAnew) {
            state.number_anew();
        }
        let seconds = {
            let clock = Arc::clone(&clock);
            move || clock.now().div_euclid(1_000)
        };
        let session = Session::with_sources(store, client, seconds, rng.clone());
        let mut engine = Self {
            session,
            state,
            lanes: Lanes::default(),
            calls: BTreeMap::new(),
            welcomes: VecDeque::new(),
            read_inbox_seq: 0,
            joins: BTreeMap::new(),
            behind: BTreeSet::new(),
            ended: BTreeMap::new(),
            refused_uploads: 0,
            commit_times: BTreeMap::new(),
            update_times: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            count_time: 0,
            must_describe: false,
            is_locked: false,
            is_stale: false,
            reloads: 0,
            identity,
            own,
            domain,
            clock,
            rng,
            settings,
            _lock: lock,
        };
        engine.forget_outboxes()?;
        Ok(engine)
    }

    /// Returns our client.
    pub const fn own(&self) -> &ClientId {
        &self.own
    }

    /// Returns the groups of which the client is a member.
    pub fn groups(&self) -> Vec<GroupId> {
        let members = self.state.groups.iter().filter(|(_, row)| row.stage == GroupStage::Member);
        members.map(|(_, row)| row.group_id.clone()).collect()
    }

    /// Returns events that the application has not acknowledged, from the one after `after` on, and
    /// at most `most`.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn events(&self, after: EventId, most: usize) -> Result<Vec<StoredEvent>, EngineError> {
        Ok(state::read_events(self.session.store(), after, most)?)
    }

    /// Deletes the events up to `last`, after the application has stored their effects.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub fn acknowledge_events(&mut self, last: EventId) -> Result<(), EngineError> {
        let last = if self.settings.makes(Mistake::LosesEvents) { u64::MAX } else { last.0 };
        let mut transaction = self.session.store_mut().begin()?;
        transaction.remove_records(rows::EVENTS, 0..=last)?;
        Ok(transaction.commit()?)
    }

    /// Returns the number that the last event has at most. It grows with each event.
    pub const fn last_event(&self) -> EventId {
        self.state.last_event()
    }

    /// Returns whether an operation has not ended.
    pub fn is_running(&self, operation: OperationId) -> bool {
        self.state.operations.get(operation.0).is_some()
    }

    /// Returns how often the engine has forgotten its calls in flight, because a step had failed.
    /// Results of calls from before are ignored.
    #[cfg(all(feature = "tokio", not(target_family = "wasm")))]
    pub(crate) const fn reloads(&self) -> u64 {
        self.reloads
    }

    /// Loads the rows again if a step has failed, so that readers see what is stored.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    #[cfg(all(feature = "tokio", not(target_family = "wasm")))]
    pub(crate) fn refresh(&mut self) -> Result<(), EngineError> {
        self.step(|_| Ok(()))
    }

    /// Returns the time of the last log entry of a group that was read, in milliseconds since 1970.
    /// What the group did later is not known: a server can withhold the newest entries without
    /// being detected. Returns `None` before the first entry.
    pub fn confirmed_until(&self, group_id: &GroupId) -> Option<u64> {
        let cursor = self.state.group(group_id)?.cursor.as_ref()?;
        cursor.hash().map(|_| cursor.time())
    }

    /// Returns the sequence number of the last log entry of a group that was read.
    pub fn read_until(&self, group_id: &GroupId) -> Option<u64> {
        Some(self.state.group(group_id)?.cursor.as_ref()?.seq())
    }

    /// Returns the sequence number of the creation or Commit by which the client became a member of
    /// a group.
    pub fn start_of(&self, group_id: &GroupId) -> Option<u64> {
        self.state.group(group_id).map(|row| row.start).filter(|start| *start > 0)
    }

    /// Returns whether operations, messages, Welcomes or reports wait for the server.
    pub fn is_busy(&self) -> bool {
        self.state.operations.iter().next().is_some()
            || self.state.messages.iter().next().is_some()
            || self.state.reports.iter().next().is_some()
            || !self.welcomes.is_empty()
            || self.state.client().upload.is_some()
    }

    /// Returns the session, for reading groups.
    pub const fn session(&mut self) -> &mut Session<B> {
        &mut self.session
    }

    /// Closes the engine, and returns the store.
    pub fn into_store(self) -> Store<B> {
        self.session.into_store()
    }

    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn log_id(&self, group_id: &GroupId) -> LogId {
        LogId { domain: self.domain.clone(), group_id: group_id.clone() }
    }

    /// Returns the keys by which the server signs heads.
    fn server_keys(&self) -> ServerKeys {
        let client = self.state.client();
        client.server_keys.iter().filter_map(|key| ServerPublicKey::from_bytes(key).ok()).collect()
    }

    /// Runs a step. After a failure, all rows are loaded again before the next step, because a part
    /// of the changes in memory may not be stored. The calls in flight are forgotten, so that they
    /// are repeated.
    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, EngineError>) -> Result<T, EngineError> {
        if self.is_stale && !self.settings.makes(Mistake::KeepsRowsAfterFailure) {
            self.reload()?;
        }
        let result = step(self);
        let is_own = |error: &EngineError| {
            matches!(error, EngineError::NotAMember(_) | EngineError::InGroup(_) | EngineError::Policy(_))
        };
        self.is_stale = result.as_ref().is_err_and(|error| !is_own(error));
        result
    }

    /// Stores the changes of rows that are not made together with those of a group.
    fn write(&mut self) -> Result<(), EngineError> {
        let Self { session, state, .. } = self;
        let mut transaction = session.store_mut().begin()?;
        state.write(&mut transaction).map_err(SessionError::Application)?;
        Ok(transaction.commit()?)
    }

    fn reload(&mut self) -> Result<(), EngineError> {
        self.state = State::load(self.session.store())?;
        self.reloads = self.reloads.saturating_add(1);
        self.calls.clear();
        self.lanes.reset();
        if self.settings.makes(Mistake::ReusesCallNumbers) {
            self.lanes = Lanes::default();
        }
        self.welcomes.clear();
        self.read_inbox_seq = 0;
        self.behind.clear();
        self.ended.clear();
        self.commit_times.clear();
        self.update_times.clear();
        self.is_stale = false;
        self.joins.clear();
        Ok(())
    }

    /// Deletes the Welcomes of our accepted Commits from the outboxes of the session, because the
    /// server has received them with the Commits.
    fn forget_outboxes(&mut self) -> Result<(), EngineError> {
        for group_id in self.groups() {
            self.forget_outbox(&group_id)?;
        }
        Ok(())
    }

    fn forget_outbox(&mut self, group_id: &GroupId) -> Result<(), EngineError> {
        for (id, _) in self.session.outbox(group_id)? {
            self.session.acknowledge(group_id, id)?;
        }
        Ok(())
    }
}

impl<B: Backend> fmt::Debug for Engine<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("own", &self.own).field("domain", &self.domain).finish_non_exhaustive()
    }
}
