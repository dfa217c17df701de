//! A service over SQLite, and clients that call it.

use crate::clients::{Clients, Device, policy, tree_hash};
use pando_api::{
    CreateGroup, DeviceIdentities, EntryKind, LogCursor, LogId, LogPage, ProblemCode, Receipt, ServerKey,
    ServerKeys, ServerPublicKey, SignedHead, SubmitCommit, SubmitMessage,
};
use pando_delivery::Refusal;
use pando_delivery::group::Caller;
use pando_delivery::service::{Service, Settings};
use pando_delivery::store::{SqliteConfig, SqliteStore, Store};
use pando_mls::{CommitBuilder, RustCrypto};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// The key that signs lists of revocations.
pub(crate) fn feed_key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[5; 32])
}

/// Returns settings. A server with several files writes Commits in parts of few changes.
fn settings(clients: &Clients, files: u16) -> Settings {
    let anchor = [(clients.domain.clone(), &clients.anchor)];
    let identities = Arc::new(DeviceIdentities::new(&RustCrypto, anchor).unwrap());
    let key = ServerKey::from_secret(&Zeroizing::new([9; 32]));
    let no_keys: [ServerPublicKey; 0] = [];
    let removers = vec![clients.remover()];
    let mut settings = Settings::new(clients.domain.clone(), (key, no_keys), removers, identities);
    settings.feeds.insert(clients.domain.clone(), feed_key().verifying_key());
    if files > 1 {
        settings.changes_at_once = 2;
    }
    settings
}

/// The group, the incarnation and the sequence number of an entry.
type EntryName = (Vec<u8>, u64, u64);

/// A server with its clients.
pub(crate) struct World<S = SqliteStore> {
    clients: Clients,
    pub(crate) service: Service<Arc<S>>,
    pub(crate) keys: ServerKeys,
    /// All heads that the server has signed.
    heads: Mutex<BTreeMap<EntryName, SignedHead>>,
    files: u16,
    folder: TempDir,
}

impl<S> Deref for World<S> {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.clients
    }
}

impl<S> DerefMut for World<S> {
    fn deref_mut(&mut self) -> &mut Clients {
        &mut self.clients
    }
}

impl World {
    /// Returns a server whose store has this number of files.
    pub(crate) async fn new(files: u16) -> Self {
        Self::open(Clients::new(), (TempDir::new().unwrap(), files)).await
    }

    /// Returns a server with a store in a folder.
    async fn open(clients: Clients, (folder, files): (TempDir, u16)) -> Self {
        let config = SqliteConfig::default().with_shards(files);
        let store = SqliteStore::open(folder.path().join("store"), &config).unwrap();
        Self::with_store(clients, store, (folder, files)).await
    }

    /// Stops the server and starts it again with the same store.
    pub(crate) async fn restart(self) -> Self {
        let Self { clients, service, heads, files, folder, .. } = self;
        drop(service);
        Self { heads, ..Self::open(clients, (folder, files)).await }
    }

    /// Returns the folder that contains the store.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns another server process with the same store.
    pub(crate) fn other_server(&self) -> Service<Arc<SqliteStore>> {
        Service::new(Arc::clone(self.service.store()), settings(&self.clients, self.files))
    }

    /// Returns a server with the group of Alice, Bob and Carol in epoch 1.
    pub(crate) async fn with_three(files: u16) -> (Self, Device, Device, Device) {
        Self::new(files).await.create_three().await
    }
}

impl<S: Store> World<S> {
    /// Returns a server that writes to `files` files of a store.
    pub(crate) async fn with_store(clients: Clients, store: S, (folder, files): (TempDir, u16)) -> Self {
        let settings = settings(&clients, files);
        let keys = settings.keys.clone();
        let service = Service::new(Arc::new(store), settings);
        service.load_revocations().await.unwrap();
        Self { clients, service, keys, heads: Mutex::default(), files, folder }
    }

    /// Lets Alice create the group and add Bob and Carol.
    pub(crate) async fn create_three(self) -> (Self, Device, Device, Device) {
        let mut world = self;
        let mut alice = world.device("alice@example.org/phone", 1);
        let mut bob = world.device("bob@example.org/phone", 1);
        let mut carol = world.device("carol@example.org/phone", 1);
        world.create(&mut alice).await;
        world.add(&mut alice, &mut [&mut bob, &mut carol]).await;
        (world, alice, bob, carol)
    }

    pub(crate) fn log(&self) -> LogId {
        LogId { domain: self.domain.clone(), group_id: self.group_id.clone() }
    }

    /// Lets a client create the group.
    pub(crate) async fn create(&mut self, creator: &mut Device) -> Receipt {
        let extensions = self.extensions(&policy());
        let group_info = self.build_group(creator, extensions);
        let request = CreateGroup { group_info: group_info.into(), first_commit: None };
        let receipt = self.service.create_group(&creator.caller, request, self.now).await.unwrap();
        creator.seq = receipt.head.head.seq;
        self.record(&receipt.head);
        receipt
    }

    /// Lets a member add clients, which join by the Welcomes in their inboxes.
    pub(crate) async fn add(&mut self, member: &mut Device, joiners: &mut [&mut Device]) {
        let key_packages = self.key_packages(joiners);
        let request = self
            .build_commit(member, None, |commit| key_packages.into_iter().fold(commit, CommitBuilder::add));
        self.submit(&member.caller, &request).await.unwrap();
        self.follow(member).await;
        self.service.run_due(self.now).await.unwrap();
        for joiner in joiners {
            self.join(joiner).await;
        }
    }

    /// Lets a client join by the first Welcome in its inbox.
    pub(crate) async fn join(&mut self, joiner: &mut Device) {
        let page = self.service.read_inbox(&joiner.caller, (0, 1), self.now).await.unwrap();
        let entry = &page.entries[0];
        let tree = self.service.tree(&joiner.caller, &entry.group_id, &entry.tree_hash).await.unwrap();
        self.join_with(joiner, &entry.welcome, &tree);
        joiner.seq = entry.group_seq;
        self.service.remove_inbox_entry(&joiner.caller, entry.seq).await.unwrap();
    }

    pub(crate) async fn submit(&self, caller: &Caller, request: &SubmitCommit) -> Result<Receipt, Refusal> {
        let receipt = self.service.submit_commit(caller, &self.group_id, request.clone(), self.now).await?;
        receipt.verify(&request.commit, &self.keys).unwrap();
        self.record(&receipt.head);
        Ok(receipt)
    }

    pub(crate) async fn send(&self, caller: &Caller, message: &[u8]) -> Result<Receipt, Refusal> {
        let request = SubmitMessage { message: message.into() };
        let receipt = self.service.submit_message(caller, &self.group_id, request, self.now).await?;
        receipt.verify(message, &self.keys).unwrap();
        self.record(&receipt.head);
        Ok(receipt)
    }

    /// Reads a page of the log.
    pub(crate) async fn page(&self, caller: &Caller, after: u64, bytes: usize) -> Result<LogPage, Refusal> {
        let page = self.service.read_log(caller, &self.group_id, (after, bytes)).await?;
        self.record(&page.head);
        Ok(page)
    }

    /// Lets a member process the log to its end.
    pub(crate) async fn follow(&mut self, member: &mut Device) {
        loop {
            let page = self.page(&member.caller, member.seq, 1 << 20).await.unwrap();
            if page.entries.is_empty() {
                return;
            }
            for entry in page.entries {
                if entry.kind != EntryKind::Application {
                    self.process(member, &entry.message);
                }
                member.seq = entry.seq;
            }
            if page.end == member.seq {
                return;
            }
        }
    }

    /// Returns the sequence numbers and digests that a member reads from its start on. The entries
    /// must form a chain that the server has signed.
    pub(crate) async fn history(&self, member: &Caller, start: u64) -> Vec<(u64, pando_api::Digest)> {
        let mut cursor = LogCursor::before(self.log(), start);
        let mut history = Vec::new();
        loop {
            let page = self.page(member, cursor.seq(), 4_000).await.unwrap();
            if page.entries.is_empty() {
                return history;
            }
            cursor = cursor.advance(&page, &self.keys).unwrap();
            let entries = page.entries.iter();
            history.extend(entries.map(|entry| (entry.seq, pando_api::Digest::of(&entry.message))));
            if page.end == cursor.seq() {
                return history;
            }
        }
    }

    /// Checks that no two signed heads of one entry differ.
    pub(crate) fn record(&self, head: &SignedHead) {
        head.verify(&self.keys).unwrap();
        let key = (head.head.group_id.to_vec(), head.head.incarnation, head.head.seq);
        let mut heads = self.heads.lock().unwrap();
        let known = heads.entry(key).or_insert_with(|| head.clone());
        assert_eq!(known.head, head.head, "two heads of one entry differ");
    }

    /// Returns the GroupInfo of the current epoch and its tree.
    pub(crate) async fn state(&self, caller: &Caller) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
        let state = self.service.group_state(caller, &self.group_id).await?;
        self.record(&state.head);
        assert_eq!(tree_hash(&state.group_info), *state.tree_hash);
        let tree = self.service.tree(caller, &self.group_id, &state.tree_hash).await?;
        Ok((state.group_info.to_vec(), tree.to_vec()))
    }
}

/// Returns the code of a refusal.
pub(crate) fn code<T>(result: Result<T, Refusal>) -> ProblemCode {
    match result {
        Ok(_) => panic!("not refused"),
        Err(refusal) => refusal.problem().known_code().unwrap(),
    }
}

/// Defines each test twice: with a store of one file, and with a store of eight, to which the
/// server writes Commits in parts.
macro_rules! on_one_and_eight_files {
    ($($(#[$doc:meta])* async fn $name:ident($files:ident: u16) $body:block)*) => {
        $($(#[$doc])* async fn $name($files: u16) $body)*

        mod one_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(1).await;
            })*
        }

        mod eight_files {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(8).await;
            })*
        }
    };
}
pub(crate) use on_one_and_eight_files;
