//! A server with a group in memory, and clients with certificates.

pub(crate) use crate::clients::*;
use pando_api::{
    ClientId, CreateGroup, DeviceCertificate, DeviceIdentities, EntryKind, LogId, LogPage, PolicyRules,
    ProblemCode, Receipt, ServerKey, ServerKeys, SubmitCommit,
};
use pando_delivery::Refusal;
use pando_delivery::group::{
    Admission, Appended, ApplicationMessage, Caller, CheckedCommit, CheckedGroup, CheckedProposal,
    Environment, GroupSnapshot, Handshake, LargeWrite, Moment, RemoverKey, TreeRows, UnsignedPage, partition,
};
use pando_delivery::store::{KeyRange, MemoryStore, ScanLimit, Snapshot, Store, Transaction};
use pando_mls::{CommitBuilder, GroupId, Limits, PublicGroup, RustCrypto};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Certificates that the server does not admit, by client: all versions up to the given one.
#[derive(Default)]
pub(crate) struct Revoked(Mutex<BTreeMap<ClientId, u64>>);

impl Revoked {
    pub(crate) fn insert(&self, client: &ClientId, version: u64) {
        self.0.lock().unwrap().insert(client.clone(), version);
    }
}

impl Admission for Revoked {
    fn check(&self, certificate: &DeviceCertificate) -> Result<(), Refusal> {
        match self.0.lock().unwrap().get(&certificate.client) {
            Some(version) if certificate.version <= *version => {
                Err(Refusal::new(ProblemCode::CertificateRevoked, ""))
            }
            _ => Ok(()),
        }
    }
}

/// The server, and what all clients share.
pub(crate) struct World {
    clients: Clients,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) public: Option<PublicGroup>,
    pub(crate) server_key: ServerKey,
    pub(crate) keys: ServerKeys,
    remover_key: RemoverKey,
    pub(crate) revoked: Revoked,
    pub(crate) identities: Arc<DeviceIdentities>,
}

impl Deref for World {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Clients {
        &mut self.clients
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let clients = Clients::new();
        let remover = clients.remover();
        let anchor = [(clients.domain.clone(), &clients.anchor)];
        let identities = Arc::new(DeviceIdentities::new(&RustCrypto, anchor).unwrap());
        let server_key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        let keys = [server_key.public()].into_iter().collect();
        Self {
            clients,
            store: Arc::new(MemoryStore::new()),
            public: None,
            server_key,
            keys,
            remover_key: RemoverKey::of(&*remover, &RustCrypto),
            revoked: Revoked::default(),
            identities,
        }
    }

    pub(crate) fn environment(&self) -> Environment<'_> {
        Environment {
            domain: &self.domain,
            keys: &self.keys,
            removers: std::slice::from_ref(&self.remover_key),
            crypto: &RustCrypto,
            identities: &*self.identities,
            rules: &PolicyRules,
            limits: Limits::default(),
            admission: &self.revoked,
            now: self.now,
        }
    }

    /// Runs a write transaction on the group's partition.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Transaction, Moment) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.write_to(&group_id(), work)
    }

    /// Runs a write transaction on the partition of any group.
    pub(crate) fn write_to<T: Send + 'static>(
        &self,
        group_id: &GroupId,
        work: impl FnOnce(&mut dyn Transaction, Moment) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let moment = Moment { now: self.now, incarnation: 1 };
        block_on(self.store.write(&partition(group_id), 0, move |rows| work(rows, moment)))
    }

    /// Runs a read request on the group's partition.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Snapshot) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        block_on(self.store.read(&partition(&group_id()), work))
    }

    pub(crate) fn receipt(&self, appended: Result<Appended, Refusal>) -> Result<Receipt, Refusal> {
        appended?.receipt(&self.server_key)
    }

    /// Sends the request to create the group.
    pub(crate) fn create(&mut self, creator: &Device, group_info: Vec<u8>) -> Result<Receipt, Refusal> {
        let request = CreateGroup { group_info: group_info.into(), first_commit: None };
        let checked = CheckedGroup::check((&self.environment(), &creator.caller), &request);
        let (checked, public) = checked?;
        let receipt = self.receipt(self.write(move |rows, moment| checked.write(rows, moment, None)))?;
        if self.public.is_none() {
            self.public = Some(public);
        }
        Ok(receipt)
    }

    /// Builds an external Commit of a client, with the GroupInfo of any epoch.
    pub(crate) fn build_external_commit(&mut self, device: &Device, group_info: &[u8]) -> SubmitCommit {
        let member: ClientId = "alice@example.org/phone".parse().unwrap();
        let member = Caller { client: member, version: 1 };
        let tree = self.tree(&member, &tree_hash(group_info)).unwrap();
        self.build_external_commit_with(device, group_info, (&tree, None))
    }

    /// Lets a client join with a Welcome, with the tree of the public group.
    pub(crate) fn join(&mut self, device: &mut Device, welcome: &[u8]) {
        let tree = self.public.as_ref().unwrap().public().tree().export().unwrap();
        self.join_with(device, welcome, &tree);
    }

    /// Records that the removal of a client is due, by the proposal with this sequence number.
    pub(crate) fn set_removal(&self, client: &ClientId, seq: u64) {
        let key = [b"x", client.as_str().as_bytes()].concat();
        self.write(move |rows, _| Ok(rows.put(&key, &seq.to_be_bytes())?)).unwrap();
    }

    /// Returns the ratchet tree with this tree hash.
    pub(crate) fn tree(&self, caller: &Caller, tree_hash: &[u8]) -> Result<Vec<u8>, Refusal> {
        let (caller, tree_hash) = (caller.clone(), tree_hash.to_vec());
        let rows = block_on(
            self.store.read(&partition(&group_id()), move |rows| TreeRows::read(rows, &caller, &tree_hash)),
        );
        rows?.export(&RustCrypto)
    }

    fn snapshot(&self, caller: &Caller, bytes: &[u8]) -> Result<(Handshake, GroupSnapshot), Refusal> {
        let handshake = Handshake::decode(&group_id(), bytes.to_vec())?;
        let (read, caller, log) = (handshake.clone(), caller.clone(), self.log());
        let snapshot = block_on(
            self.store
                .read(&partition(&group_id()), move |rows| GroupSnapshot::read(rows, &log, &caller, &read)),
        )?;
        Ok((handshake, snapshot))
    }

    pub(crate) fn log(&self) -> LogId {
        LogId { domain: self.domain.clone(), group_id: group_id() }
    }

    /// Checks and writes a Commit as the service does. The public group changes only if the Commit
    /// is written.
    pub(crate) fn submit(&mut self, caller: &Caller, request: &SubmitCommit) -> Result<Receipt, Refusal> {
        let checked = self.check(caller, request)?;
        self.write_commit(checked)
    }

    /// Checks a Commit. Returns the answer to an earlier request with the same Commit, or the
    /// checked Commit and the public group of the new epoch.
    pub(crate) fn check(&self, caller: &Caller, request: &SubmitCommit) -> Result<Checked, Refusal> {
        let (handshake, snapshot) = self.snapshot(caller, &request.commit)?;
        if let Some(repeated) = snapshot.repeated() {
            return Ok(Checked::Repeated(repeated.clone()));
        }
        let mut public = self.public.clone().unwrap();
        let parts = (&*request.welcome, &*request.group_info);
        let checked =
            CheckedCommit::check(handshake, &snapshot, &mut public, (&self.environment(), caller), parts)?;
        Ok(Checked::New(Box::new((checked, public))))
    }

    pub(crate) fn write_commit(&mut self, checked: Checked) -> Result<Receipt, Refusal> {
        match checked {
            Checked::Repeated(appended) => self.receipt(Ok(appended)),
            Checked::New(checked) => {
                let (checked, public) = *checked;
                let appended = self.write(move |rows, moment| checked.write(rows, moment, None))?;
                self.public = Some(public);
                self.receipt(Ok(appended))
            }
        }
    }

    /// Checks and writes a proposal as the service does.
    pub(crate) fn propose(&mut self, caller: &Caller, bytes: &[u8]) -> Result<Receipt, Refusal> {
        let (handshake, snapshot) = self.snapshot(caller, bytes)?;
        if let Some(repeated) = snapshot.repeated() {
            return self.receipt(Ok(repeated.clone()));
        }
        let mut public = self.public.clone().unwrap();
        let checked =
            CheckedProposal::check(handshake, &snapshot, &mut public, (&self.environment(), caller))?;
        let appended = self.write(move |rows, moment| checked.write(rows, moment))?;
        self.public = Some(public);
        self.receipt(Ok(appended))
    }

    /// Sends an application message.
    pub(crate) fn send(&self, caller: &Caller, bytes: &[u8]) -> Result<Receipt, Refusal> {
        let message = ApplicationMessage::decode(&group_id(), bytes.to_vec())?;
        let (domain, caller) = (self.domain.clone(), caller.clone());
        self.receipt(self.write(move |rows, moment| message.append(rows, &domain, &caller, moment)))
    }

    /// Returns all rows of the group's partition.
    pub(crate) fn rows(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let partition = partition(&group_id());
        let read = self.store.read(&partition, |rows| {
            let page = rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX))?;
            Ok::<_, Refusal>(page.rows.into_iter().map(|row| (row.key, row.value)).collect())
        });
        block_on(read).unwrap()
    }

    /// Reads a page of the log.
    pub(crate) fn page(&self, caller: &Caller, after: u64, bytes: usize) -> Result<LogPage, Refusal> {
        let (domain, caller) = (self.domain.clone(), caller.clone());
        let page = block_on(self.store.read(&partition(&group_id()), move |rows| {
            UnsignedPage::read(rows, &domain, &group_id(), &caller, (after, bytes))
        }));
        page?.sign(&self.server_key)
    }

    /// Lets a member process the handshakes of the log after `after`.
    pub(crate) fn follow(&mut self, member: &mut Device, after: u64) {
        let page = self.page(&member.caller, after, usize::MAX).unwrap();
        for entry in page.entries {
            if entry.kind != EntryKind::Application {
                self.process(member, &entry.message);
            }
            member.seq = entry.seq;
        }
    }

    /// Returns a world with the group of Alice, Bob and Carol in epoch 1.
    pub(crate) fn with_three() -> (Self, Device, Device, Device) {
        let mut world = Self::new();
        let mut alice = world.device("alice@example.org/phone", 1);
        let mut bob = world.device("bob@example.org/phone", 1);
        let mut carol = world.device("carol@example.org/phone", 1);
        let extensions = world.extensions(&policy());
        let group_info = world.build_group(&mut alice, extensions);
        world.create(&alice, group_info).unwrap();
        let key_packages = world.key_packages(&mut [&mut bob, &mut carol]);
        let request = world.build_commit(&mut alice, None, |commit| {
            key_packages.into_iter().fold(commit, CommitBuilder::add)
        });
        world.submit(&alice.caller, &request).unwrap();
        let commit = request.commit.to_vec();
        world.process(&mut alice, &commit);
        world.join(&mut bob, &request.welcome);
        world.join(&mut carol, &request.welcome);
        (world, alice, bob, carol)
    }
}

/// A checked Commit.
pub(crate) enum Checked {
    Repeated(Appended),
    New(Box<(CheckedCommit, PublicGroup)>),
}

/// Returns the code of a refusal.
pub(crate) fn code<T>(result: Result<T, Refusal>) -> ProblemCode {
    match result {
        Ok(_) => panic!("not refused"),
        Err(refusal) => refusal.problem().known_code().unwrap(),
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
