//! Clients with stores. All changes are stored before a result is sent or shown.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test; each test uses a part"
)]

use pando_mls::wire::SignaturePublicKey;
use pando_mls::{
    Capabilities, CipherSuite, Client, CommitBuilder, Context, Credential, CredentialType, CryptoProvider,
    Extensions, ExternalJoin, Group, GroupConfig, GroupError, GroupId, KeyPackage, KeyPackageBundle,
    KeyPackageTemplate, LeafIndex, LeafTemplate, Lifetime, MlsMessage, Processed, Rows, RustCrypto, Signer,
    Suite, Unpersisted, Welcome,
};
use pando_store::{
    Backend, GroupLock, Memory, MemoryStore, Sqlite, SqliteStore, Store, StoreError, Transaction,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_mls::AdmitAll));

pub fn suite() -> Suite {
    RustCrypto.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519).unwrap()
}

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn tea() -> GroupId {
    b"tea".as_slice().into()
}

pub fn memory() -> MemoryStore {
    Store::new(Memory::new(), &pando_store::Key::None).unwrap()
}

/// Opens a database with a short wait for other connections.
pub fn sqlite(path: &Path, key: &pando_store::Key) -> Result<SqliteStore, StoreError> {
    let mut sqlite = Sqlite::open(path)?;
    sqlite.set_wait(Duration::from_millis(20))?;
    Store::new(sqlite, key)
}

/// Returns a passphrase key with the minimum cost.
pub fn passphrase(words: &str) -> pando_store::Key {
    let (cost, limit) = (pando_store::Argon2Cost::FLOOR, pando_store::Argon2Limit::default());
    pando_store::Key::Passphrase { passphrase: words.as_bytes().into(), cost, limit }
}

pub fn template(name: &str, not_after: u64) -> KeyPackageTemplate {
    KeyPackageTemplate {
        credential: Credential::Basic { identity: name.as_bytes().into() },
        capabilities: Capabilities::new([suite().cipher_suite()], [CredentialType::BASIC]),
        lifetime: Lifetime { not_before: 0, not_after },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    }
}

/// A client with a store, in at most one group.
pub struct Device<B: Backend> {
    pub name: String,
    pub store: Store<B>,
    pub signer: Box<dyn Signer>,
    pub config: GroupConfig,
    pub group: Option<(Group, GroupLock)>,
    pub rng: ChaCha20Rng,
}

impl<B: Backend> Device<B> {
    /// Returns a client with its signature key and its group from the store. The key is created if
    /// there is none.
    pub fn new(name: &str, store: Store<B>, seed: u64) -> Result<Self, StoreError> {
        Self::with_config(name, store, seed, GroupConfig::default())
    }

    /// Returns such a client with other group settings.
    pub fn with_config(
        name: &str,
        store: Store<B>,
        seed: u64,
        config: GroupConfig,
    ) -> Result<Self, StoreError> {
        let (mut store, mut rng) = (store, rng(seed));
        let public = match store.signers()?.pop() {
            Some(stored) => stored.public_key,
            None => make_signer(&mut store, name, &mut rng)?,
        };
        let signer = store.signer(suite(), &public)?.unwrap();
        let mut device = Self { name: name.into(), store, signer, config, group: None, rng };
        device.reload()?;
        Ok(device)
    }

    /// Drops the state in memory and loads it from the store.
    pub fn reload(&mut self) -> Result<(), StoreError> {
        self.group = None;
        let Some(id) = self.store.groups()?.pop() else { return Ok(()) };
        let lock = self.store.lock(&id, Duration::ZERO)?;
        let rows = self.store.load(&lock)?.unwrap();
        let psks = &self.store;
        let group = Group::load(&rows, &self.client(psks)).unwrap();
        assert_eq!(group.rows().unwrap(), rows);
        // Open the group as well, which loads nodes on demand.
        let source = self.store.source(&lock)?.unwrap();
        let group = Group::open(source, &self.client(psks)).map_err(|error| unread(&error))?;
        self.group = Some((group, lock));
        Ok(())
    }

    pub fn client<'a>(&'a self, psks: &'a dyn pando_mls::PskStore) -> Context<'a> {
        CLIENT.at(1_000, &*self.signer).with_psks(psks).with_config(self.config)
    }

    pub fn group(&self) -> &Group {
        &self.group.as_ref().unwrap().0
    }

    /// Returns the stored rows of the group.
    pub fn stored(&mut self) -> Rows {
        let (_, lock) = self.group.as_mut().unwrap();
        self.store.load(lock).unwrap().unwrap()
    }

    pub fn bundle(&mut self) -> KeyPackageBundle {
        KeyPackageBundle::new(suite(), template(&self.name, u64::MAX), &*self.signer, &mut self.rng).unwrap()
    }

    /// Stores a KeyPackage and returns it for publication.
    pub fn publish(&mut self, last_resort: bool) -> Result<KeyPackage, StoreError> {
        let bundle = self.bundle();
        let mut transaction = self.store.begin()?;
        transaction.insert_key_package(suite(), &bundle, last_resort)?;
        transaction.commit()?;
        Ok(bundle.key_package)
    }

    pub fn create(&mut self, id: &GroupId) -> Result<(), StoreError> {
        let (bundle, mut rng) = (self.bundle(), self.rng.clone());
        let psks = &self.store;
        let created = Group::builder(id.clone()).build(bundle, &self.client(psks), &mut rng);
        let (group, delta) = created.unwrap().into_parts();
        self.rng = rng;
        let lock = self.store.lock(id, Duration::ZERO)?;
        let mut transaction = self.store.begin()?;
        transaction.apply(&lock, &delta)?;
        transaction.commit()?;
        self.group = Some((group, lock));
        Ok(())
    }

    /// Joins by a Welcome, which consumes the KeyPackage.
    pub fn join(&mut self, welcome: &Welcome) -> Result<(), StoreError> {
        let stored = self.store.key_package_for(welcome)?.ok_or(StoreError::Stale)?;
        let psks = &self.store;
        let (group, delta) =
            Group::join(welcome, &stored.bundle, None, &self.client(psks)).unwrap().into_parts();
        let id = group.public().context().group_id.clone();
        let lock = self.store.lock(&id, Duration::ZERO)?;
        let mut transaction = self.store.begin()?;
        transaction.apply(&lock, &delta)?;
        transaction.use_key_package(&lock, &stored.reference, pando_store::OldWelcome::Refuse)?;
        transaction.commit()?;
        self.group = Some((group, lock));
        Ok(())
    }

    /// Deletes the group.
    pub fn delete(&mut self) -> Result<(), StoreError> {
        let (_, lock) = self.group.take().unwrap();
        let mut transaction = self.store.begin()?;
        transaction.delete_group(&lock)?;
        transaction.commit()
    }

    /// Runs an operation on the group, stores its changes together with the writes of `also`, and
    /// returns the result.
    pub fn operate<T>(
        &mut self,
        operation: impl FnOnce(&mut Group, &Context<'_>, &mut ChaCha20Rng) -> Result<Unpersisted<T>, GroupError>,
        also: impl FnOnce(&mut Transaction<'_, B>, &T) -> Result<(), StoreError>,
    ) -> Result<T, StoreError> {
        let (mut group, lock) = self.group.take().unwrap();
        let mut rng = self.rng.clone();
        let psks = &self.store;
        let result = operation(&mut group, &self.client(psks), &mut rng).map_err(|error| unread(&error))?;
        self.rng = rng;
        let stored = self.store.persist(&lock, result, also);
        self.group = Some((group, lock));
        stored.map_err(|error| error.error)
    }

    pub fn send(&mut self, data: &[u8]) -> Result<MlsMessage, StoreError> {
        self.operate(|group, client, rng| group.encrypt(data, client, rng), |_, _| Ok(()))
    }

    /// Processes a message, and enters the epoch of a Commit. Returns application data, if any.
    pub fn receive(&mut self, message: &MlsMessage) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(|group, client, _| receive(group, client, message), |_, _| Ok(()))
    }

    pub fn propose_update(&mut self) -> Result<MlsMessage, StoreError> {
        self.operate(|group, client, rng| group.propose_update(None, b"", client, rng), |_, _| Ok(()))
    }

    /// Makes a Commit, which stays pending.
    pub fn commit(
        &mut self,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<(MlsMessage, Option<Welcome>), StoreError> {
        let build = |group: &mut Group, client: &Context<'_>, rng: &mut ChaCha20Rng| {
            let output = fill(group.commit()).build(client, rng)?;
            Ok(output.map(|output| (output.message, output.welcome)))
        };
        self.operate(build, |_, _| Ok(()))
    }

    pub fn merge_pending(&mut self) -> Result<(), StoreError> {
        self.operate(|group, _, _| group.merge_pending(), |_, ()| Ok(()))
    }
}

/// Makes an external Commit by which Bob, at leaf 1, replaces his own leaf, with a GroupInfo from
/// Alice.
pub fn resync<B: Backend>(
    alice: &mut Device<B>,
    bob: &Device<B>,
    seed: u64,
) -> Unpersisted<(Group, MlsMessage)> {
    let describe = |group: &mut Group, client: &Context<'_>, _: &mut _| {
        let group_info = group.group_info().build(client)?;
        Ok(group.take_delta().map(|()| group_info))
    };
    let group_info = alice.operate(describe, |_, _| Ok(())).unwrap();
    let KeyPackageTemplate { credential, capabilities, leaf_extensions: extensions, .. } =
        template(&bob.name, 0);
    let join = ExternalJoin::new(&group_info, LeafTemplate { credential, capabilities, extensions })
        .replace_leaf(LeafIndex(1));
    let psks = &bob.store;
    join.build(&bob.client(psks), &mut rng(seed)).unwrap()
}

/// Returns the error of the store when the group failed to read from it. No other error is possible
/// here.
fn unread(error: &GroupError) -> StoreError {
    let GroupError::Source(source) = error else { panic!("{error:?}") };
    match source.get_ref().downcast_ref() {
        Some(StoreError::Io { kind, .. }) => StoreError::Io { kind: *kind, source: error.to_string().into() },
        _ => panic!("{error:?}"),
    }
}

pub fn receive(
    group: &mut Group,
    client: &Context<'_>,
    message: &MlsMessage,
) -> Result<Unpersisted<Option<Vec<u8>>>, GroupError> {
    let mut staged = None;
    let processed = group.process(message.clone(), client)?.map(|processed| match processed {
        Processed::Application { data, .. } => (Some(data.to_vec()), false),
        Processed::Commit(commit) => {
            staged = Some(commit);
            (None, false)
        }
        Processed::OwnCommit => (None, true),
        _ => (None, false),
    });
    let is_own = processed.peek().1;
    let merged = match staged {
        Some(staged) => group.merge(*staged)?.map(drop),
        None if is_own => group.merge_pending()?,
        None => group.take_delta(),
    };
    Ok(processed.then(merged).unwrap().map(|((data, _), ())| data))
}

fn make_signer<B: Backend>(
    store: &mut Store<B>,
    name: &str,
    rng: &mut ChaCha20Rng,
) -> Result<SignaturePublicKey, StoreError> {
    let private = suite().signature_generate_key(rng).unwrap();
    let credential = Credential::Basic { identity: name.as_bytes().into() };
    let mut transaction = store.begin()?;
    let public = transaction.put_signer(suite(), &private, &credential)?;
    transaction.commit()?;
    Ok(public)
}

/// Returns a KeyPackage of a client that stays silent.
pub fn stranger(rng: &mut ChaCha20Rng) -> KeyPackage {
    let signer = suite().signer(&suite().signature_generate_key(rng).unwrap()).unwrap();
    KeyPackageBundle::new(suite(), template("stranger", u64::MAX), &*signer, rng).unwrap().key_package
}

/// Returns a group of Alice and others.
pub fn group_of<B: Backend>(stores: Vec<Store<B>>) -> Vec<Device<B>> {
    let mut devices: Vec<_> = (0..)
        .zip(stores)
        .map(|(at, store)| Device::new(&format!("member {at}"), store, at).unwrap())
        .collect();
    devices[0].create(&tea()).unwrap();
    let added: Vec<_> = devices[1..].iter_mut().map(|device| device.publish(false).unwrap()).collect();
    if added.is_empty() {
        return devices;
    }
    let (_, welcome) =
        devices[0].commit(|builder| added.into_iter().fold(builder, CommitBuilder::add)).unwrap();
    devices[0].merge_pending().unwrap();
    devices[1..].iter_mut().for_each(|device| device.join(welcome.as_ref().unwrap()).unwrap());
    devices
}

/// Checks that all clients are in the same epoch.
pub fn agree<B: Backend>(devices: &[Device<B>]) {
    let first = devices[0].group().epoch_authenticator();
    devices.iter().for_each(|device| assert_eq!(device.group().epoch_authenticator(), first));
}
