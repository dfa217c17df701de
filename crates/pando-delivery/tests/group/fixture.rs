//! A server with a group in memory, and clients with certificates.

use pando_api::{
    CertificateRequest, ClientId, DeviceCertificate, DeviceIdentities, Domain, EntryKind, ExternalCommits,
    HandshakeData, LogId, LogPage, POLICY_EXTENSION, PaddingRule, Parameters, Permission, Policy,
    PolicyRules, ProblemCode, Receipt, ServerKey, ServerKeys, SignedHead, SubmitCommit,
};
use pando_delivery::Refusal;
use pando_delivery::group::{
    Admission, Appended, ApplicationMessage, Caller, CheckedCommit, CheckedGroup, CheckedProposal,
    Environment, GroupSnapshot, Handshake, Moment, TreeRows, UnsignedPage, partition,
};
use pando_delivery::store::{KeyRange, MemoryStore, ScanLimit, Store, Transaction};
use pando_issuer::{Authority, Validity};
use pando_mls::wire::{ExternalSender, ExternalSenders};
use pando_mls::{
    AdmitAll, Capabilities, CipherSuite, Client, CommitBuilder, Context, Credential, CredentialType,
    CryptoProvider, Decode, Encode, Extension, Extensions, ExternalJoin, Group, GroupConfig, GroupId,
    GroupRules, KeyPackageBundle, KeyPackageTemplate, LeafTemplate, Lifetime, Limits, MlsMessage,
    MlsMessageBody, Processed, ProtocolVersion, PskStore, PskValue, PublicGroup, RustCrypto, Signer,
    SourceError, Suite,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// The time of the tests, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000_000;

pub(crate) const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

pub(crate) fn suite() -> Suite {
    RustCrypto.suite(SUITE).unwrap()
}

/// The identifier of the group of the tests.
pub(crate) fn group_id() -> GroupId {
    GroupId::from("a group of 16 bytes")
}

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

/// A client.
pub(crate) struct Device {
    pub(crate) caller: Caller,
    pub(crate) credential: Credential,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) group: Option<Group>,
    bundle: Option<KeyPackageBundle>,
}

impl Device {
    pub(crate) fn group(&mut self) -> &mut Group {
        self.group.as_mut().unwrap()
    }
}

/// The server, and what all clients share.
pub(crate) struct World {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) domain: Domain,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) public: Option<PublicGroup>,
    pub(crate) server_key: ServerKey,
    pub(crate) keys: ServerKeys,
    pub(crate) remover: Box<dyn Signer>,
    pub(crate) revoked: Revoked,
    pub(crate) identities: Arc<DeviceIdentities>,
    pub(crate) now: u64,
    authority: Authority,
    client: Client,
    _folder: TempDir,
}

/// Returns the policy of the group, whose only admin is Alice.
pub(crate) fn policy() -> Policy {
    let parameters = Parameters {
        key_package_lifetime: 90 * 24 * 60 * 60,
        idle_age: 0,
        update_interval: 0,
        past_epochs: 1,
        out_of_order: 16,
        forward: 1_000,
        padding: PaddingRule::None,
    };
    Policy {
        admins: vec!["alice@example.org".parse().unwrap()],
        add: Permission::Everyone,
        remove: Permission::Admins,
        external_commits: ExternalCommits::UsersOfMembers,
        parameters,
        extensions: Vec::new(),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let folder = TempDir::new().unwrap();
        let domain: Domain = "example.org".parse().unwrap();
        let authority =
            Authority::create(folder.path().join("authority"), domain.clone(), NOW / 1_000 - 60, &mut rng);
        let authority = authority.unwrap();
        let anchors = [(domain.clone(), authority.anchor().to_vec())];
        let identities = Arc::new(DeviceIdentities::new(&RustCrypto, anchors.clone()).unwrap());
        let server_key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        let keys = [server_key.public()].into_iter().collect();
        let remover = suite().signer(&suite().signature_generate_key(&mut rng).unwrap()).unwrap();
        let config = GroupConfig::default().with_encrypt_handshakes(false);
        let policy = DeviceIdentities::new(&RustCrypto, anchors).unwrap();
        let client = Client::new(policy).with_rules(PolicyRules).with_config(config);
        Self {
            rng,
            domain,
            store: Arc::new(MemoryStore::new()),
            public: None,
            server_key,
            keys,
            remover,
            revoked: Revoked::default(),
            identities,
            now: NOW,
            authority,
            client,
            _folder: folder,
        }
    }

    /// Returns a client with a certificate.
    pub(crate) fn device(&mut self, name: &str, version: u64) -> Device {
        let signer = suite().signer(&suite().signature_generate_key(&mut self.rng).unwrap()).unwrap();
        let client: ClientId = name.parse().unwrap();
        let request = CertificateRequest::sign(SUITE, client.clone(), &*signer).unwrap();
        let validity = Validity::days(self.now / 1_000, 30);
        let credential = self.authority.issue(&request, version, validity, &mut self.rng).unwrap();
        Device { caller: Caller { client, version }, credential, signer, group: None, bundle: None }
    }

    pub(crate) fn context<'a>(&'a self, signer: &'a dyn Signer) -> Context<'a> {
        self.client.at(self.now / 1_000, signer)
    }

    fn bundle(&mut self, device: &Device) -> KeyPackageBundle {
        let capabilities = capabilities();
        let now = self.now / 1_000;
        let template = KeyPackageTemplate {
            credential: device.credential.clone(),
            capabilities,
            lifetime: Lifetime { not_before: now - 60, not_after: now + 1_000_000 },
            leaf_extensions: Extensions::default(),
            extensions: Extensions::default(),
        };
        KeyPackageBundle::new(suite(), template, &*device.signer, &mut self.rng).unwrap()
    }

    pub(crate) fn environment(&self) -> Environment<'_> {
        Environment {
            domain: &self.domain,
            keys: &self.keys,
            removers: std::slice::from_ref(self.remover.public_key()),
            crypto: &RustCrypto,
            identities: &*self.identities,
            rules: &PolicyRules,
            limits: Limits::default(),
            admission: &self.revoked,
            now: self.now,
        }
    }

    /// Returns the extensions of the group with this policy.
    pub(crate) fn extensions(&self, policy: &Policy) -> Extensions {
        let sender = ExternalSender {
            signature_key: self.remover.public_key().clone(),
            credential: Credential::basic(self.domain.as_str()),
        };
        let senders = Extension::new(&ExternalSenders(vec![sender])).unwrap();
        Extensions(vec![policy.to_extension().unwrap(), senders])
    }

    /// Creates the group in the memory of a client. Returns the GroupInfo of epoch 0.
    pub(crate) fn build_group(&mut self, creator: &mut Device, extensions: Extensions) -> Vec<u8> {
        self.build_group_with(creator, extensions, &PolicyRules)
    }

    /// Creates a group that the rules of members would refuse.
    pub(crate) fn build_group_without_rules(
        &mut self,
        creator: &mut Device,
        extensions: Extensions,
    ) -> Vec<u8> {
        self.build_group_with(creator, extensions, &AdmitAll)
    }

    fn build_group_with(
        &mut self,
        creator: &mut Device,
        extensions: Extensions,
        rules: &dyn GroupRules,
    ) -> Vec<u8> {
        let bundle = self.bundle(creator);
        let mut rng = self.rng.clone();
        let cx = self.context(&*creator.signer).with_rules(rules);
        let builder = Group::builder(group_id()).extensions(extensions);
        let group = builder.build(bundle, &cx, &mut rng).unwrap().assume_persisted();
        let group_info = MlsMessage::from(group.group_info().build(&cx).unwrap()).encode().unwrap();
        (self.rng, creator.group) = (rng, Some(group));
        group_info
    }

    /// Runs a write transaction on the group's partition.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Transaction, Moment) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let moment = Moment { now: self.now, incarnation: 1 };
        block_on(self.store.write(&partition(&group_id()), 0, move |rows| work(rows, moment)))
    }

    fn receipt(&self, appended: Result<Appended, Refusal>) -> Result<Receipt, Refusal> {
        appended?.receipt(&self.server_key)
    }

    /// Sends the request to create the group.
    pub(crate) fn create(&mut self, creator: &Device, group_info: Vec<u8>) -> Result<Receipt, Refusal> {
        let checked = CheckedGroup::check((&self.environment(), &creator.caller), group_info);
        let (checked, public) = checked?;
        let receipt = self.receipt(self.write(move |rows, moment| checked.write(rows, moment)))?;
        if self.public.is_none() {
            self.public = Some(public);
        }
        Ok(receipt)
    }

    /// Builds a Commit of a member, with its Welcome and GroupInfo. The Commit is pending.
    pub(crate) fn build_commit(
        &mut self,
        member: &mut Device,
        head: Option<SignedHead>,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> SubmitCommit {
        let mut rng = self.rng.clone();
        let data = HandshakeData { head, ..HandshakeData::default() }.encode().unwrap();
        let Device { signer, group, .. } = member;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks);
        let builder = fill(group.as_mut().unwrap().commit()).authenticated_data(&data).with_group_info();
        let output = builder.without_tree().build(&cx, &mut rng).unwrap().assume_persisted();
        self.rng = rng;
        let (welcome, group_info) = (output.welcome.map(message), output.group_info.map(message));
        SubmitCommit {
            commit: output.message.encode().unwrap().into(),
            welcome: welcome.unwrap_or_default().into(),
            group_info: group_info.unwrap_or_default().into(),
        }
    }

    /// Builds a Commit that the rules of members would refuse.
    pub(crate) fn build_commit_without_rules(
        &mut self,
        member: &mut Device,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> SubmitCommit {
        let Device { signer, group, .. } = member;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks).with_rules(&AdmitAll);
        let builder = fill(group.as_mut().unwrap().commit()).with_group_info();
        let output = builder.build(&cx, &mut self.rng).unwrap().assume_persisted();
        SubmitCommit {
            commit: output.message.encode().unwrap().into(),
            welcome: Vec::new().into(),
            group_info: message(output.group_info.unwrap()).into(),
        }
    }

    /// Builds an external Commit of a client, with the GroupInfo of any epoch.
    pub(crate) fn build_external_commit(&mut self, device: &Device, group_info: &[u8]) -> SubmitCommit {
        let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(group_info).unwrap().body else {
            panic!("not a GroupInfo")
        };
        let member: ClientId = "alice@example.org/phone".parse().unwrap();
        let member = Caller { client: member, version: 1 };
        let tree = self.tree(&member, &group_info.group_context.tree_hash).unwrap();
        let credential = device.credential.clone();
        let template =
            LeafTemplate { credential, capabilities: capabilities(), extensions: Extensions::default() };
        let cx = self.client.at(self.now / 1_000, &*device.signer).with_rules(&AdmitAll);
        let join = ExternalJoin::new(&group_info, template).tree(&*tree);
        let (mut group, commit) = join.build(&cx, &mut self.rng).unwrap().assume_persisted();
        group.merge_pending().unwrap().assume_persisted();
        let group_info = group.group_info().without_tree().build(&cx).unwrap();
        SubmitCommit {
            commit: message(commit).into(),
            welcome: Vec::new().into(),
            group_info: message(group_info).into(),
        }
    }

    /// Drops the pending Commit of a member.
    pub(crate) fn clear(&mut self, member: &mut Device) {
        let _ = member.group().clear_pending().assume_persisted();
    }

    /// Builds an Update of a member.
    pub(crate) fn build_update(&mut self, member: &mut Device) -> Vec<u8> {
        let Device { signer, group, .. } = member;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks);
        let update = group.as_mut().unwrap().propose_update(None, b"", &cx, &mut self.rng);
        update.unwrap().assume_persisted().encode().unwrap()
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
        rows?.export(suite())
    }

    /// Returns KeyPackages of clients for a Commit that adds them.
    pub(crate) fn key_packages(&mut self, devices: &mut [&mut Device]) -> Vec<pando_mls::KeyPackage> {
        let mut key_packages = Vec::new();
        for device in devices {
            let bundle = self.bundle(device);
            key_packages.push(bundle.key_package.clone());
            device.bundle = Some(bundle);
        }
        key_packages
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
                let appended = self.write(move |rows, moment| checked.write(rows, moment))?;
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

    /// Encrypts an application message of a member.
    pub(crate) fn encrypt(&mut self, member: &mut Device, text: &str) -> Vec<u8> {
        let mut rng = self.rng.clone();
        let Device { signer, group, .. } = member;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks);
        let message = group.as_mut().unwrap().encrypt(text, &cx, &mut rng).unwrap().assume_persisted();
        self.rng = rng;
        message.encode().unwrap()
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
        }
    }

    /// Lets a member process a message.
    pub(crate) fn process(&mut self, member: &mut Device, message: &[u8]) {
        let message = MlsMessage::decode(message).unwrap();
        let Device { signer, group, .. } = member;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks);
        let group = group.as_mut().unwrap();
        match group.process(message, &cx).unwrap().assume_persisted() {
            Processed::OwnCommit => group.merge_pending().unwrap().assume_persisted(),
            Processed::Commit(staged) => drop(group.merge(*staged).unwrap().assume_persisted()),
            _ => {}
        }
    }

    /// Lets a client join with a Welcome, with the tree of the public group.
    pub(crate) fn join(&mut self, device: &mut Device, welcome: &[u8]) {
        let tree = self.public.as_ref().unwrap().public().tree().export().unwrap();
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(welcome).unwrap().body else { panic!() };
        let Device { signer, group, bundle, .. } = device;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks);
        let joined = Group::join(&welcome, bundle.as_ref().unwrap(), Some(&tree), &cx);
        *group = Some(joined.unwrap().assume_persisted());
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

/// Encodes a message.
fn message(body: impl Into<MlsMessage>) -> Vec<u8> {
    body.into().encode().unwrap()
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

fn capabilities() -> Capabilities {
    Capabilities {
        versions: vec![ProtocolVersion::MLS_10],
        cipher_suites: vec![SUITE],
        extensions: vec![POLICY_EXTENSION],
        proposals: Vec::new(),
        credentials: vec![CredentialType::X509],
    }
}

/// A store that has every external pre-shared key.
struct AllPsks;

impl PskStore for AllPsks {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(Some(PskValue::from(vec![7; 32])))
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
