//! Pando with its providers for RustCrypto and AWS-LC, and its rows in memory. The rows are written
//! only on request.
//!
//! Random bytes have the same source as in mls-rs with the same backend: with RustCrypto, each call
//! asks the operating system; with AWS-LC, a generator in the process provides them.

use std::{
    cell::RefCell,
    fmt::Debug,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard},
    time::{SystemTime, UNIX_EPOCH},
};

use getrandom::SysRng;
use pando_mls::{
    AwsLc, BasicIdentities, CipherSuite, Context, Credential, CryptoProvider, CryptoRng, Decode, Delta,
    Encode, ExternalJoin, GroupConfig, KeyPackage, KeyPackageBundle, LeafIndex, LeafTemplate, MlsMessage,
    MlsMessageBody, Padding, Processed, RowKey, RowSource, Rows, RustCrypto, SecretBytes, Signer,
    SourceError, Unpersisted,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, UnwrapErr};

use super::{Add, Added, Library};

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

/// The Pando library with a given provider.
pub struct Pando<P>(PhantomData<P>);

/// The Pando library with AWS-LC.
pub type PandoAwsLc = Pando<AwsLc>;
/// The Pando library with RustCrypto.
pub type PandoRustCrypto = Pando<RustCrypto>;

/// A cryptographic provider with a name.
pub trait Provider: CryptoProvider + Debug + 'static {
    /// The provider's name in the results.
    const NAME: &str;
    /// The provider itself.
    const PROVIDER: Self;

    /// Calls a function with a random number generator.
    fn with_rng<T>(call: impl FnOnce(&mut dyn CryptoRng) -> T) -> T;
}

thread_local! {
    static RNG: RefCell<ChaCha20Rng> = RefCell::new(ChaCha20Rng::try_from_rng(&mut SysRng).unwrap());
}

impl Provider for AwsLc {
    const NAME: &str = "aws-lc";
    const PROVIDER: Self = Self;

    fn with_rng<T>(call: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        RNG.with_borrow_mut(|rng| call(rng))
    }
}

impl Provider for RustCrypto {
    const NAME: &str = "rustcrypto";
    const PROVIDER: Self = Self;

    fn with_rng<T>(call: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        call(&mut UnwrapErr(SysRng))
    }
}

/// A client of Pando with its signature key and the last KeyPackage that it created.
#[derive(Clone)]
pub struct Client {
    client: Arc<pando_mls::Client>,
    signer: Arc<dyn Signer>,
    identity: [u8; 16],
    bundle: Arc<Mutex<Option<Arc<KeyPackageBundle>>>>,
}

impl Client {
    fn context(&self) -> Context<'_> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.client.at(now, &*self.signer)
    }

    fn credential(&self) -> Credential {
        Credential::basic(self.identity.as_slice())
    }

    fn bundle<P: Provider>(&self) -> KeyPackageBundle {
        let builder = self.context().key_package(SUITE, self.credential());
        P::with_rng(|rng| builder.build(rng)).unwrap()
    }
}

/// A group with its client, its rows, and the changes that have not been written to the rows yet.
pub struct Group {
    group: pando_mls::Group,
    client: Client,
    rows: Arc<Stored>,
    unwritten: Vec<Delta>,
}

/// The rows of a group in memory.
#[derive(Default)]
struct Stored(Mutex<Rows>);

impl Stored {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap()
    }
}

impl RowSource for Stored {
    fn row(&self, key: RowKey) -> Result<Option<SecretBytes>, SourceError> {
        RowSource::row(&*self.rows(), key)
    }

    fn range(&self, first: RowKey, last: RowKey) -> Result<Vec<(RowKey, SecretBytes)>, SourceError> {
        RowSource::range(&*self.rows(), first, last)
    }
}

impl Group {
    /// Returns a group whose rows have not been stored yet.
    fn new(unpersisted: Unpersisted<pando_mls::Group>, client: Client) -> Self {
        let (group, delta) = unpersisted.into_parts();
        Self { group, client, rows: Arc::default(), unwritten: vec![delta] }
    }

    /// Keeps the changes so that they can be stored later, and returns the result.
    fn keep<T>(&mut self, unpersisted: Unpersisted<T>) -> T {
        let (value, delta) = unpersisted.into_parts();
        self.unwritten.push(delta);
        value
    }

    fn process(&mut self, message: &[u8]) -> Processed {
        let processed = self.group.process_bytes(message, &self.client.context()).unwrap();
        self.keep(processed)
    }
}

fn key_package(bytes: &[u8]) -> KeyPackage {
    let MlsMessageBody::KeyPackage(key_package) = MlsMessage::decode(bytes).unwrap().body else {
        panic!("not a KeyPackage")
    };
    *key_package
}

impl<P: Provider> Library for Pando<P> {
    const IMPL: &str = "pando";
    const CRYPTO: &str = P::NAME;
    const STORES_ALWAYS: bool = false;

    type Client = Client;
    type Group = Group;
    type Saved = (Rows, Client);

    fn client(identity: [u8; 16]) -> Client {
        let suite = P::PROVIDER.suite(SUITE).unwrap();
        let private = P::with_rng(|rng| suite.signature_generate_key(rng)).unwrap();
        let signer = suite.signer(&private).unwrap().into();
        let config = GroupConfig::default().with_encrypt_handshakes(false).with_padding(Padding::None);
        let client = pando_mls::Client::new(BasicIdentities).with_crypto(P::PROVIDER).with_config(config);
        Client { client: Arc::new(client), signer, identity, bundle: Arc::default() }
    }

    fn key_package(client: &Client) -> Vec<u8> {
        let bundle = client.bundle::<P>();
        let message = MlsMessage::from(bundle.key_package.clone()).encode().unwrap();
        *client.bundle.lock().unwrap() = Some(Arc::new(bundle));
        message
    }

    fn create(client: Client) -> Group {
        let builder = pando_mls::Group::builder(client.identity.as_slice());
        let bundle = client.bundle::<P>();
        let group = P::with_rng(|rng| builder.build(bundle, &client.context(), rng)).unwrap();
        Group::new(group, client)
    }

    fn join(client: Client, welcome: &[u8], tree: Option<&[u8]>) -> Group {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::decode(welcome).unwrap().body else {
            panic!("not a Welcome")
        };
        let bundle = client.bundle.lock().unwrap().clone().unwrap();
        let group = pando_mls::Group::join(&welcome, &bundle, tree, &client.context()).unwrap();
        Group::new(group, client)
    }

    fn join_externally(client: Client, group_info: &[u8]) -> (Group, Vec<u8>) {
        let MlsMessageBody::GroupInfo(group_info) = MlsMessage::decode(group_info).unwrap().body else {
            panic!("not a GroupInfo")
        };
        let credential = client.credential();
        let capabilities = client.client.capabilities(credential.credential_type());
        let template = LeafTemplate { credential, capabilities, extensions: Default::default() };
        let join = ExternalJoin::new(&group_info, template);
        let joined = P::with_rng(|rng| join.build(&client.context(), rng)).unwrap();
        let ((group, message), delta) = joined.into_parts();
        let mut group = Group { group, client, rows: Arc::default(), unwritten: vec![delta] };
        <Self as Library>::merge(&mut group);
        (group, message.encode().unwrap())
    }

    fn add(group: &mut Group, key_packages: &[Vec<u8>], options: Add) -> Added {
        let builder = group.group.commit();
        let builder = key_packages.iter().fold(builder, |builder, bytes| builder.add(key_package(bytes)));
        let builder = if options.path { builder } else { builder.without_path() };
        let builder = if options.tree_inside { builder } else { builder.without_tree() };
        let output = P::with_rng(|rng| builder.build(&group.client.context(), rng)).unwrap();
        let output = group.keep(output);
        let welcome = MlsMessage::from(output.welcome.unwrap()).encode().unwrap();
        Added { commit: output.message.encode().unwrap(), welcome }
    }

    fn update(group: &mut Group) -> Vec<u8> {
        let builder = group.group.commit();
        let output = P::with_rng(|rng| builder.build(&group.client.context(), rng)).unwrap();
        group.keep(output).message.encode().unwrap()
    }

    fn remove(group: &mut Group, leaf: u32) -> Vec<u8> {
        let builder = group.group.commit().remove(LeafIndex(leaf));
        let output = P::with_rng(|rng| builder.build(&group.client.context(), rng)).unwrap();
        group.keep(output).message.encode().unwrap()
    }

    /// Merges our own Commit and acknowledges its Welcome, which the library would otherwise keep.
    fn merge(group: &mut Group) {
        let merged = group.group.merge_pending().unwrap();
        group.keep(merged);
        let sent: Vec<_> = group.group.outbox().map(|(id, _)| id).collect();
        for id in sent {
            let acknowledged = group.group.acknowledge(id);
            group.keep(acknowledged);
        }
    }

    fn process(group: &mut Group, commit: &[u8]) {
        let Processed::Commit(staged) = group.process(commit) else { panic!("not a Commit") };
        let merged = group.group.merge(*staged).unwrap();
        group.keep(merged);
    }

    fn stage(group: &mut Group, commit: &[u8]) -> bool {
        assert!(matches!(group.process(commit), Processed::Commit(_)));
        true
    }

    fn encrypt(group: &mut Group, message: &[u8]) -> Vec<u8> {
        let message = P::with_rng(|rng| group.group.encrypt(message, &group.client.context(), rng)).unwrap();
        group.keep(message).encode().unwrap()
    }

    fn decrypt(group: &mut Group, message: &[u8]) -> Vec<u8> {
        let Processed::Application { data, .. } = group.process(message) else {
            panic!("not an application message")
        };
        data.to_vec()
    }

    fn group_info(group: &Group) -> Vec<u8> {
        let group_info = group.group.group_info().build(&group.client.context()).unwrap();
        MlsMessage::from(group_info).encode().unwrap()
    }

    fn tree(group: &Group) -> Vec<u8> {
        group.group.public().tree().export().unwrap()
    }

    fn authenticator(group: &Group) -> Vec<u8> {
        group.group.epoch_authenticator().unwrap().expose().to_vec()
    }

    fn store(group: &mut Group) {
        let mut rows = group.rows.rows();
        for delta in group.unwritten.drain(..) {
            delta.apply(&mut rows).unwrap();
        }
    }

    fn stored(group: &Group) -> u64 {
        let rows = group.rows.rows();
        rows.iter().map(|(key, row)| key.to_bytes().len() + row.expose().len()).sum::<usize>() as u64
    }

    fn written(group: &mut Group, step: impl FnOnce(&mut Group)) -> u64 {
        <Self as Library>::store(group);
        step(group);
        let rows = group.unwritten.iter().flat_map(Delta::writes);
        rows.map(|(key, row)| key.to_bytes().len() + row.len()).sum::<usize>() as u64
    }

    fn load(group: &Group) -> Group {
        let loaded = pando_mls::Group::load(&group.rows.rows(), &group.client.context()).unwrap();
        Group { group: loaded, client: group.client.clone(), rows: group.rows.clone(), unwritten: Vec::new() }
    }

    fn open(group: &Group) -> Group {
        let opened = pando_mls::Group::open(group.rows.clone(), &group.client.context()).unwrap();
        Group { group: opened, client: group.client.clone(), rows: group.rows.clone(), unwritten: Vec::new() }
    }

    fn save(group: &Group) -> (Rows, Client) {
        (group.group.rows().unwrap(), group.client.clone())
    }

    fn restore((rows, client): &(Rows, Client)) -> Group {
        let group = pando_mls::Group::load(rows, &client.context()).unwrap();
        Group {
            rows: Arc::new(Stored(group.rows().unwrap().into())),
            group,
            client: client.clone(),
            unwritten: Vec::new(),
        }
    }

    fn into_client(group: Group) -> Client {
        group.client
    }
}
