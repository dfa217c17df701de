//! The world before the first step: three members of a group, further clients, and the rows of the
//! server. It is made once, because certificates take long.

use super::spectator::Spectator;
use crate::clients::{Clients, Device, NOW, policy};
use pando_api::{
    CreateGroup, DeviceIdentities, Policy, ServerKey, ServerKeys, ServerPublicKey, SubmitCommit, UserId,
};
use pando_delivery::Refusal;
use pando_delivery::account;
use pando_delivery::group::{Caller, partition};
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::{KeyRange, MemoryStore, ScanLimit, Snapshot, Store, Transaction};
use pando_mls::{
    CommitBuilder, Credential, CryptoError, Group, GroupId, Rows, RustCrypto, Signature, SignaturePublicKey,
    Signer,
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The clients, and the versions of their certificates. The first three are members, and the user
/// of the first one is the admin.
pub(super) const CLIENTS: [(&str, u64); 8] = [
    ("alice@example.org/phone", 1),
    ("bob@example.org/phone", 1),
    ("carol@example.org/phone", 1),
    ("alice@example.org/laptop", 1),
    ("bob@example.org/laptop", 1),
    ("mallory@example.org/phone", 1),
    ("bob@example.org/phone", 2),
    ("carol@example.org/phone", 2),
];

/// The number of clients that are members at first.
const MEMBERS: usize = 3;

/// The time after which an unused Welcome may be deleted: 3 days.
const WELCOME_LIFETIME: u64 = 3 * 24 * 60 * 60 * 1_000;

/// The identifier of a group whose only member is Mallory.
pub(super) fn other_group() -> GroupId {
    GroupId::from("a group of Mallory")
}

/// The key that signs lists of revocations.
pub(super) fn feed() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[5; 32])
}

/// A partition with its rows.
struct Partition {
    name: Vec<u8>,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    due: Option<u64>,
}

struct BaseClient {
    caller: Caller,
    credential: Credential,
    signer: Arc<dyn Signer>,
    rows: Option<Rows>,
    seq: u64,
}

pub(super) struct Base {
    pub(super) clients: Clients,
    base: Vec<BaseClient>,
    partitions: Vec<Partition>,
    spectator: Spectator,
    pub(super) keys: ServerKeys,
}

/// A signer that several devices share.
struct Shared(Arc<dyn Signer>);

impl Signer for Shared {
    fn public_key(&self) -> &SignaturePublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        self.0.sign(message)
    }
}

impl Base {
    /// Makes the world.
    pub(super) async fn new() -> Self {
        let mut clients = Clients::new();
        let mut devices = CLIENTS.map(|(name, version)| clients.device(name, version));
        let store = Arc::new(MemoryStore::new());
        let service = Service::new(Arc::clone(&store), settings(&clients));
        let (creator, joiners) = devices.split_first_mut().expect("there are clients");
        create(&mut clients, &service, (creator, joiners)).await;
        let mallory = &mut devices[5];
        clients.group_id = other_group();
        let admin = Policy { admins: vec![mallory.caller.user()], ..policy() };
        let extensions = clients.extensions(&admin);
        let group_info = clients.build_group(mallory, extensions).into();
        let request = CreateGroup { group_info, first_commit: None };
        service.create_group(&mallory.caller, request, NOW).await.expect("a valid group");
        mallory.group = None;
        clients.group_id = crate::clients::group_id();
        service.run_due(NOW).await.expect("the store works");

        let mut spectator = Spectator::new(&clients, &devices[0].caller.client);
        let keys = service.settings().keys.clone();
        spectator.follow(&service, &keys).await.expect("a member reads");
        let partitions = partitions(&store).await;
        let base = devices.map(|device| {
            let rows = device.group.as_ref().map(|group| group.rows().expect("in memory"));
            let signer = Arc::from(device.signer);
            BaseClient { caller: device.caller, credential: device.credential, signer, rows, seq: device.seq }
        });
        Self { clients, base: base.into(), partitions, spectator, keys }
    }

    /// Returns a store with the rows of the world.
    pub(super) async fn store(&self) -> MemoryStore {
        let store = MemoryStore::new();
        for Partition { name, rows, due } in &self.partitions {
            let (rows, due) = (rows.clone(), *due);
            let work = move |transaction: &mut dyn Transaction| {
                for (key, value) in &rows {
                    transaction.put(key, value)?;
                }
                Ok::<_, Refusal>(transaction.set_due(due)?)
            };
            store.write(name, 0, work).await.expect("a store in memory");
        }
        store
    }

    /// Returns the settings of a server.
    pub(super) fn settings(&self) -> Settings {
        settings(&self.clients)
    }

    /// Returns an observer of the group.
    pub(super) fn spectator(&self) -> Spectator {
        self.spectator.clone()
    }

    /// Returns a client. A member has its group.
    pub(super) fn device(&self, which: usize) -> Device {
        let BaseClient { caller, credential, signer, rows, seq } = &self.base[which];
        let signer: Box<dyn Signer> = Box::new(Shared(Arc::clone(signer)));
        let group = rows.as_ref().map(|rows| {
            let cx = self.clients.context(&*signer);
            Group::load(rows, &cx).expect("the rows of a group")
        });
        let (caller, credential) = (caller.clone(), credential.clone());
        Device { caller, credential, signer, group, seq: *seq, bundle: None }
    }
}

fn settings(clients: &Clients) -> Settings {
    let anchors = [(clients.domain.clone(), &clients.anchor)];
    let identities = Arc::new(DeviceIdentities::new(&RustCrypto, anchors).expect("an anchor"));
    let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
    let no_keys: [ServerPublicKey; 0] = [];
    let removers = vec![clients.remover()];
    let mut settings = Settings::new(clients.domain.clone(), (key, no_keys), removers, identities);
    settings.feeds.insert(clients.domain.clone(), feed().verifying_key());
    settings.welcome_lifetime = WELCOME_LIFETIME;
    settings.changes_at_once = 4;
    settings
}

/// Creates the group, and lets the other members join.
async fn create(
    clients: &mut Clients,
    service: &Service<Arc<MemoryStore>>,
    (creator, others): (&mut Device, &mut [Device]),
) {
    let extensions = clients.extensions(&policy());
    let group_info = clients.build_group(creator, extensions).into();
    let request = CreateGroup { group_info, first_commit: None };
    service.create_group(&creator.caller, request, NOW).await.expect("a valid group");
    let mut joiners: Vec<_> = others.iter_mut().take(MEMBERS - 1).collect();
    let key_packages = clients.key_packages(&mut joiners);
    let request: SubmitCommit = clients
        .build_commit(creator, None, |commit| key_packages.into_iter().fold(commit, CommitBuilder::add));
    let commit = request.commit.to_vec();
    let group_id = clients.group_id.clone();
    service.submit_commit(&creator.caller, &group_id, request, NOW).await.expect("a valid Commit");
    clients.process(creator, &commit);
    creator.seq = 2;
    service.run_due(NOW).await.expect("the store works");
    for joiner in joiners {
        let page = service.read_inbox(&joiner.caller, (0, 1), NOW).await.expect("an inbox");
        let entry = &page.entries[0];
        let tree = service.tree(&joiner.caller, &group_id, &entry.tree_hash).await.expect("a tree");
        clients.join_with(joiner, &entry.welcome, &tree);
        joiner.seq = 2;
        joiner.bundle = None;
        service.remove_inbox_entry(&joiner.caller, entry.seq).await.expect("an entry");
    }
}

/// Copies the partitions of a store.
async fn partitions(store: &MemoryStore) -> Vec<Partition> {
    let users = ["alice", "bob", "carol", "mallory"].map(|name| {
        let user: UserId = format!("{name}@example.org").parse().expect("a user");
        account::partition(&user)
    });
    let groups = [crate::clients::group_id(), other_group()].map(|group_id| partition(&group_id));
    let mut partitions = Vec::new();
    for name in users.into_iter().chain(groups) {
        let read = |rows: &dyn Snapshot| {
            let page = rows.scan(&KeyRange::all(), ScanLimit::rows(usize::MAX))?;
            let all = page.rows.into_iter().map(|row| (row.key, row.value)).collect();
            Ok::<_, Refusal>((all, rows.due()?))
        };
        let (rows, due) = store.read(&name, read).await.expect("a store in memory");
        partitions.push(Partition { name, rows, due });
    }
    partitions
}
