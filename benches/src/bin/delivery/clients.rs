//! Clients with certificates, and the requests that they make.
//!
//! A [`Device`] has keys and a KeyPackage. A [`Member`] has the state of a group. Each client is of
//! a user of its own, so that each membership is copied to another account, and the names of all
//! clients have the same length.

use pando_api::{
    CertificateRequest, ClientId, DeviceIdentities, Domain, ExternalCommits, HandshakeData, POLICY_EXTENSION,
    PaddingRule, Parameters, Permission, Policy, PolicyRules, ServerKey, ServerPublicKey, SignedHead,
    SubmitCommit,
};
use pando_delivery::group::Caller;
use pando_delivery::service::Settings;
use pando_issuer::{Authority, Validity};
use pando_mls::wire::{ExternalSender, ExternalSenders};
use pando_mls::{
    Capabilities, CipherSuite, Client, CommitBuilder, Context, Credential, CredentialType, CryptoProvider,
    Decode, Encode, Extension, Extensions, Group, GroupConfig, GroupId, KeyPackage, KeyPackageBundle,
    KeyPackageTemplate, Lifetime, MlsMessage, MlsMessageBody, Processed, ProtocolVersion, RustCrypto,
    SignaturePrivateKey, Signer, Suite,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::sync::Arc;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// The time of all requests, in milliseconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000_000;

const SECONDS: u64 = NOW / 1_000;

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

fn suite() -> Suite {
    RustCrypto.suite(SUITE).unwrap()
}

fn generator(number: u32) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(number.into())
}

fn client_id(number: u32) -> ClientId {
    format!("u{number:08}@example.org/phone").parse().unwrap()
}

/// A client with a KeyPackage, which is in no group.
pub(crate) struct Device {
    pub(crate) caller: Caller,
    signer: Box<dyn Signer>,
    bundle: KeyPackageBundle,
    rng: ChaCha20Rng,
}

impl Device {
    /// Returns the KeyPackage.
    pub(crate) fn key_package(&self) -> KeyPackage {
        self.bundle.key_package.clone()
    }
}

/// An authority and the settings that its clients share.
pub(crate) struct Clients {
    domain: Domain,
    authority: Authority,
    /// The key by which the server proposes removals.
    remover: SignaturePrivateKey,
    client: Arc<Client>,
    rng: ChaCha20Rng,
    next_client: u32,
    next_group: u32,
    _folder: TempDir,
}

impl Clients {
    pub(crate) fn new() -> Self {
        let mut rng = generator(u32::MAX);
        let folder = TempDir::new().unwrap();
        let domain: Domain = "example.org".parse().unwrap();
        let path = folder.path().join("authority");
        let authority = Authority::create(path, domain.clone(), SECONDS - 60, &mut rng).unwrap();
        let identities = DeviceIdentities::new(&RustCrypto, [(domain.clone(), authority.anchor())]).unwrap();
        let config = GroupConfig::default().with_encrypt_handshakes(false);
        Self {
            domain,
            remover: suite().signature_generate_key(&mut rng).unwrap(),
            client: Arc::new(Client::new(identities).with_rules(PolicyRules).with_config(config)),
            authority,
            rng,
            next_client: 0,
            next_group: 0,
            _folder: folder,
        }
    }

    /// Returns the settings of a server for these clients.
    pub(crate) fn settings(&self) -> Settings {
        let anchor = [(self.domain.clone(), self.authority.anchor())];
        let identities = Arc::new(DeviceIdentities::new(&RustCrypto, anchor).unwrap());
        let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
        let no_keys: [ServerPublicKey; 0] = [];
        Settings::new(self.domain.clone(), (key, no_keys), vec![self.remover()], identities)
    }

    fn remover(&self) -> Box<dyn Signer> {
        suite().signer(&self.remover).unwrap()
    }

    /// Returns new clients.
    pub(crate) fn devices(&mut self, count: u32) -> Vec<Device> {
        let numbers = self.next_client..self.next_client + count;
        self.next_client += count;
        let requests: Vec<_> = numbers.into_par_iter().map(request).collect();
        let versions: Vec<_> = requests.iter().map(|(.., request)| (request, 1)).collect();
        let credentials =
            self.authority.issue_all(&versions, Validity::days(SECONDS, 30), &mut self.rng).unwrap();
        let requests: Vec<_> = requests.into_iter().zip(credentials).collect();
        let device = |((mut rng, signer, request), credential): ((_, Box<dyn Signer>, _), _)| {
            let CertificateRequest { client, .. } = request;
            let template = KeyPackageTemplate {
                credential,
                capabilities: capabilities(),
                lifetime: Lifetime { not_before: SECONDS - 60, not_after: SECONDS + 1_000_000 },
                leaf_extensions: Extensions::default(),
                extensions: Extensions::default(),
            };
            let bundle = KeyPackageBundle::new(suite(), template, &*signer, &mut rng).unwrap();
            Device { caller: Caller { client, version: 1 }, signer, bundle, rng }
        };
        requests.into_par_iter().map(device).collect()
    }

    /// Creates a group in the memory of a client. Returns the GroupInfo of epoch 0 with the member.
    pub(crate) fn create_group(&mut self, creator: Device) -> (Member, Vec<u8>) {
        let group_id = GroupId::from(format!("group {:010}", self.next_group).into_bytes());
        self.next_group += 1;
        let extensions = self.extensions(&creator.caller);
        let Device { caller, signer, bundle, mut rng } = creator;
        let cx = self.client.at(SECONDS, &*signer);
        let group = Group::builder(group_id).extensions(extensions).build(bundle, &cx, &mut rng);
        let group = group.unwrap().assume_persisted();
        let group_info = message(group.group_info().build(&cx).unwrap());
        let client = Arc::clone(&self.client);
        (Member { caller, client, signer, group, rng, seq: 0, head: None }, group_info)
    }

    /// Returns the extensions of a group whose only admin is the creator.
    fn extensions(&self, creator: &Caller) -> Extensions {
        let parameters = Parameters {
            key_package_lifetime: 90 * 24 * 60 * 60,
            idle_age: 0,
            update_interval: 0,
            past_epochs: 1,
            out_of_order: 16,
            forward: 1_000,
            padding: PaddingRule::None,
        };
        let policy = Policy {
            admins: vec![creator.user()],
            add: Permission::Admins,
            remove: Permission::Admins,
            external_commits: ExternalCommits::UsersOfMembers,
            parameters,
            extensions: Vec::new(),
        };
        let sender = ExternalSender {
            signature_key: self.remover().public_key().clone(),
            credential: Credential::basic(self.domain.as_str()),
        };
        let senders = Extension::new(&ExternalSenders(vec![sender])).unwrap();
        Extensions(vec![policy.to_extension().unwrap(), senders])
    }

    /// Lets a client join with a Welcome and a tree.
    pub(crate) fn join(&self, device: Device, welcome: &[u8], tree: &[u8]) -> Member {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(welcome).unwrap().body else {
            panic!("not a Welcome")
        };
        let Device { caller, signer, bundle, rng } = device;
        let cx = self.client.at(SECONDS, &*signer);
        let group = Group::join(&welcome, &bundle, Some(tree), &cx).unwrap().assume_persisted();
        let client = Arc::clone(&self.client);
        Member { caller, client, signer, group, rng, seq: 0, head: None }
    }
}

/// Returns the generator and the signer of a client, with its request for a certificate.
fn request(number: u32) -> (ChaCha20Rng, Box<dyn Signer>, CertificateRequest) {
    let mut rng = generator(number);
    let signer = suite().signer(&suite().signature_generate_key(&mut rng).unwrap()).unwrap();
    let request = CertificateRequest::sign(SUITE, client_id(number), &*signer).unwrap();
    (rng, signer, request)
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

/// Encodes a message.
fn message(body: impl Into<MlsMessage>) -> Vec<u8> {
    body.into().encode().unwrap()
}

/// A client with the state of a group.
pub(crate) struct Member {
    pub(crate) caller: Caller,
    pub(crate) group: Group,
    /// The last log entry that the member has read.
    pub(crate) seq: u64,
    /// The head of this entry.
    pub(crate) head: Option<SignedHead>,
    client: Arc<Client>,
    signer: Box<dyn Signer>,
    rng: ChaCha20Rng,
}

impl Member {
    /// Returns the identifier of the group.
    pub(crate) fn group_id(&self) -> GroupId {
        self.group.public().group_id().clone()
    }

    /// Returns the tree hash of the epoch.
    pub(crate) fn tree_hash(&self) -> Vec<u8> {
        self.group.public().context().tree_hash.to_vec()
    }

    /// Builds a Commit with a path that adds the clients of KeyPackages. The Commit is pending.
    pub(crate) fn commit(&mut self, key_packages: Vec<KeyPackage>) -> SubmitCommit {
        let data = HandshakeData { head: self.head.clone(), ..HandshakeData::default() };
        let data = data.encode().unwrap();
        let cx = context(&self.client, &*self.signer);
        let builder = key_packages.into_iter().fold(self.group.commit(), CommitBuilder::add);
        let builder = builder.authenticated_data(&data).with_group_info().without_tree();
        let output = builder.build(&cx, &mut self.rng).unwrap().assume_persisted();
        SubmitCommit {
            commit: output.message.encode().unwrap().into(),
            welcome: output.welcome.map(message).unwrap_or_default().into(),
            group_info: message(output.group_info.unwrap()).into(),
        }
    }

    /// Enters the epoch of the pending Commit.
    pub(crate) fn merge(&mut self) {
        self.group.merge_pending().unwrap().assume_persisted();
    }

    /// Encrypts an application message.
    pub(crate) fn encrypt(&mut self, text: &[u8]) -> Vec<u8> {
        let cx = context(&self.client, &*self.signer);
        self.group.encrypt(text, &cx, &mut self.rng).unwrap().assume_persisted().encode().unwrap()
    }

    /// Processes a handshake of another member, and enters the epoch of a Commit.
    pub(crate) fn process(&mut self, handshake: &[u8]) {
        let handshake = MlsMessage::decode(handshake).unwrap();
        let cx = context(&self.client, &*self.signer);
        if let Processed::Commit(staged) = self.group.process(handshake, &cx).unwrap().assume_persisted() {
            let _ = self.group.merge(*staged).unwrap().assume_persisted();
        }
    }
}

fn context<'a>(client: &'a Client, signer: &'a dyn Signer) -> Context<'a> {
    client.at(SECONDS, signer)
}
