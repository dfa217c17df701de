//! Clients with certificates, and the requests that they make.

use pando_api::{
    CertificateRequest, ClientId, DeviceIdentities, Domain, ExternalCommits, HandshakeData,
    LAST_RESORT_EXTENSION, POLICY_EXTENSION, PaddingRule, Parameters, Permission, Policy, PolicyRules,
    SignedHead, SubmitCommit,
};
use pando_delivery::group::Caller;
use pando_issuer::{Authority, Validity};
use pando_mls::wire::{Add, ExternalSender, ExternalSenders};
use pando_mls::{
    AdmitAll, Capabilities, CipherSuite, Client, CommitBuilder, Context, Credential, CredentialType,
    CryptoProvider, Decode, Encode, Extension, Extensions, ExternalJoin, Group, GroupConfig, GroupId,
    GroupRules, KeyPackage, KeyPackageBundle, KeyPackageTemplate, LeafIndex, LeafTemplate, Lifetime,
    MlsMessage, MlsMessageBody, Processed, Proposal, ProtocolVersion, PskStore, PskValue, RustCrypto,
    SignaturePrivateKey, Signer, SourceError, Suite,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;

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

/// A client.
pub(crate) struct Device {
    pub(crate) caller: Caller,
    pub(crate) credential: Credential,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) group: Option<Group>,
    /// The last log entry that the client has read.
    pub(crate) seq: u64,
    pub(crate) bundle: Option<KeyPackageBundle>,
}

impl Device {
    pub(crate) fn group(&mut self) -> &mut Group {
        self.group.as_mut().unwrap()
    }
}

/// An authority, and what all of its clients share.
pub(crate) struct Clients {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) domain: Domain,
    pub(crate) now: u64,
    /// The group in which the requests are made.
    pub(crate) group_id: GroupId,
    /// The key by which the server proposes removals.
    remover: SignaturePrivateKey,
    pub(crate) anchor: Vec<u8>,
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

impl Clients {
    pub(crate) fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let folder = TempDir::new().unwrap();
        let domain: Domain = "example.org".parse().unwrap();
        let authority =
            Authority::create(folder.path().join("authority"), domain.clone(), NOW / 1_000 - 60, &mut rng);
        let authority = authority.unwrap();
        let anchor = authority.anchor().to_vec();
        let remover = suite().signature_generate_key(&mut rng).unwrap();
        let config = GroupConfig::default().with_encrypt_handshakes(false);
        let policy = DeviceIdentities::new(&RustCrypto, [(domain.clone(), &anchor)]).unwrap();
        let client = Client::new(policy).with_rules(PolicyRules).with_config(config);
        Self {
            rng,
            domain,
            now: NOW,
            group_id: group_id(),
            remover,
            anchor,
            authority,
            client,
            _folder: folder,
        }
    }

    /// Returns the signer of the server's proposals.
    pub(crate) fn remover(&self) -> Box<dyn Signer> {
        suite().signer(&self.remover).unwrap()
    }

    /// Returns a client with a certificate.
    pub(crate) fn device(&mut self, name: &str, version: u64) -> Device {
        let signer = suite().signer(&suite().signature_generate_key(&mut self.rng).unwrap()).unwrap();
        let client: ClientId = name.parse().unwrap();
        let request = CertificateRequest::sign(SUITE, client.clone(), &*signer).unwrap();
        let credential = self.issue(&request, version);
        Device { caller: Caller { client, version }, credential, signer, group: None, seq: 0, bundle: None }
    }

    /// Issues a certificate.
    pub(crate) fn issue(&mut self, request: &CertificateRequest, version: u64) -> Credential {
        let validity = Validity::days(self.now / 1_000, 30);
        self.authority.issue(request, version, validity, &mut self.rng).unwrap()
    }

    pub(crate) fn context<'a>(&'a self, signer: &'a dyn Signer) -> Context<'a> {
        self.client.at(self.now / 1_000, signer)
    }

    pub(crate) fn bundle(&mut self, device: &Device) -> KeyPackageBundle {
        self.bundle_of(device, SUITE)
    }

    /// Returns a KeyPackage with its private keys.
    pub(crate) fn bundle_of(&mut self, device: &Device, cipher_suite: CipherSuite) -> KeyPackageBundle {
        self.bundle_with(device, cipher_suite, Extensions::default())
    }

    /// Returns a KeyPackage with extensions and its private keys.
    pub(crate) fn bundle_with(
        &mut self,
        device: &Device,
        cipher_suite: CipherSuite,
        extensions: Extensions,
    ) -> KeyPackageBundle {
        let capabilities = Capabilities { cipher_suites: vec![cipher_suite], ..capabilities() };
        let now = self.now / 1_000;
        let template = KeyPackageTemplate {
            credential: device.credential.clone(),
            capabilities,
            lifetime: Lifetime { not_before: now - 60, not_after: now + 1_000_000 },
            leaf_extensions: Extensions::default(),
            extensions,
        };
        let suite = RustCrypto.suite(cipher_suite).unwrap();
        KeyPackageBundle::new(suite, template, &*device.signer, &mut self.rng).unwrap()
    }

    /// Returns the extensions of the group with this policy.
    pub(crate) fn extensions(&self, policy: &Policy) -> Extensions {
        let sender = ExternalSender {
            signature_key: self.remover().public_key().clone(),
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
        let builder = Group::builder(self.group_id.clone()).extensions(extensions);
        let group = builder.build(bundle, &cx, &mut rng).unwrap().assume_persisted();
        let group_info = MlsMessage::from(group.group_info().build(&cx).unwrap()).encode().unwrap();
        (self.rng, creator.group) = (rng, Some(group));
        group_info
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

    /// Builds a proposal of a member to add a client.
    pub(crate) fn build_add(&mut self, member: &mut Device, key_package: KeyPackage) -> Vec<u8> {
        let Device { signer, group, .. } = member;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks);
        let add = Proposal::Add(Box::new(Add { key_package }));
        let add = group.as_mut().unwrap().propose(add, b"", &cx, &mut self.rng);
        add.unwrap().assume_persisted().encode().unwrap()
    }

    /// Returns KeyPackages of clients for a Commit that adds them.
    pub(crate) fn key_packages(&mut self, devices: &mut [&mut Device]) -> Vec<KeyPackage> {
        let mut key_packages = Vec::new();
        for device in devices {
            let bundle = self.bundle(device);
            key_packages.push(bundle.key_package.clone());
            device.bundle = Some(bundle);
        }
        key_packages
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

    /// Builds an external Commit of a client, with the GroupInfo of any epoch.
    pub(crate) fn build_external_commit_with(
        &mut self,
        device: &Device,
        group_info: &[u8],
        (tree, replaced): (&[u8], Option<LeafIndex>),
    ) -> SubmitCommit {
        let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(group_info).unwrap().body else {
            panic!("not a GroupInfo")
        };
        let credential = device.credential.clone();
        let template =
            LeafTemplate { credential, capabilities: capabilities(), extensions: Extensions::default() };
        let cx = self.client.at(self.now / 1_000, &*device.signer).with_rules(&AdmitAll);
        let join = ExternalJoin::new(&group_info, template).tree(tree).replace_leaf(replaced);
        let (mut group, commit) = join.build(&cx, &mut self.rng).unwrap().assume_persisted();
        group.merge_pending().unwrap().assume_persisted();
        let group_info = group.group_info().without_tree().build(&cx).unwrap();
        SubmitCommit {
            commit: message(commit).into(),
            welcome: Vec::new().into(),
            group_info: message(group_info).into(),
        }
    }

    /// Lets a client join with a Welcome and a tree.
    pub(crate) fn join_with(&mut self, device: &mut Device, welcome: &[u8], tree: &[u8]) {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(welcome).unwrap().body else { panic!() };
        let Device { signer, group, bundle, .. } = device;
        let cx = self.client.at(self.now / 1_000, &**signer).with_psks(&AllPsks);
        let joined = Group::join(&welcome, bundle.as_ref().unwrap(), Some(tree), &cx);
        *group = Some(joined.unwrap().assume_persisted());
    }
}

/// Returns the tree hash in a GroupInfo.
pub(crate) fn tree_hash(group_info: &[u8]) -> Vec<u8> {
    let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(group_info).unwrap().body else {
        panic!()
    };
    group_info.group_context.tree_hash.to_vec()
}

/// Encodes a message.
pub(crate) fn message(body: impl Into<MlsMessage>) -> Vec<u8> {
    body.into().encode().unwrap()
}

pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        versions: vec![ProtocolVersion::MLS_10],
        cipher_suites: vec![SUITE],
        extensions: vec![POLICY_EXTENSION, LAST_RESORT_EXTENSION],
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
