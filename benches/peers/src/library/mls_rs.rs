//! mls-rs with its providers for RustCrypto and AWS-LC, and its store in memory. mls-rs writes to
//! the store only on request.

use std::{
    convert::Infallible,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use mls_rs::{
    CipherSuite, CipherSuiteProvider, CryptoProvider, ExtensionList, GroupStateStorage, MlsMessage, MlsRules,
    client_builder::{
        BaseConfig, IntoConfigOutput, PaddingMode, WithCryptoProvider, WithGroupStateStorage,
        WithIdentityProvider, WithMlsRules,
    },
    group::{ExportedTree, GroupContext, ReceivedMessage, Roster},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle},
    storage_provider::in_memory::InMemoryGroupStateStorage,
};
use mls_rs_core::group::{EpochRecord, GroupState};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

use super::{Add, Added, Library};

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

/// The mls-rs library with a given provider.
pub struct MlsRs<P>(PhantomData<P>);

/// The mls-rs library with AWS-LC.
pub type MlsRsAwsLc = MlsRs<AwsLcCryptoProvider>;
/// The mls-rs library with RustCrypto.
pub type MlsRsRustCrypto = MlsRs<RustCryptoProvider>;

/// A cryptographic provider with a name.
pub trait Provider: CryptoProvider + Clone + Default {
    /// The provider's name in the results.
    const NAME: &str;
}

impl Provider for AwsLcCryptoProvider {
    const NAME: &str = "aws-lc";
}

impl Provider for RustCryptoProvider {
    const NAME: &str = "rustcrypto";
}

type Config<P> = IntoConfigOutput<
    WithMlsRules<
        Rules,
        WithGroupStateStorage<
            Store,
            WithCryptoProvider<P, WithIdentityProvider<BasicIdentityProvider, BaseConfig>>,
        >,
    >,
>;

/// A client of mls-rs with its store.
#[derive(Clone)]
pub struct Client<P: Provider> {
    client: mls_rs::Client<Config<P>>,
    rules: Rules,
    store: Store,
}

/// A group of mls-rs, together with its member's client.
#[derive(Clone)]
pub struct Group<P: Provider> {
    group: mls_rs::Group<Config<P>>,
    client: Client<P>,
}

/// The options of the next Commit. mls-rs asks the application for these options while it creates a
/// Commit.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    path: Arc<AtomicBool>,
    tree_inside: Arc<AtomicBool>,
}

impl Rules {
    fn set(&self, path: bool, tree_inside: bool) {
        self.path.store(path, Relaxed);
        self.tree_inside.store(tree_inside, Relaxed);
    }
}

impl MlsRules for Rules {
    type Error = Infallible;

    fn filter_proposals(
        &self,
        _: CommitDirection,
        _: CommitSource,
        _: &Roster,
        _: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Infallible> {
        Ok(proposals)
    }

    fn commit_options(
        &self,
        _: &Roster,
        _: &GroupContext,
        _: &ProposalBundle,
    ) -> Result<CommitOptions, Infallible> {
        let options = CommitOptions::new().with_path_required(self.path.load(Relaxed));
        Ok(options.with_ratchet_tree_extension(self.tree_inside.load(Relaxed)))
    }

    fn encryption_options(&self, _: &Roster, _: &GroupContext) -> Result<EncryptionOptions, Infallible> {
        // mls-rs pads messages by default, but the other libraries do not.
        Ok(EncryptionOptions::new(false, PaddingMode::None))
    }
}

/// The library's store in memory, which counts the bytes written to it.
#[derive(Clone, Debug, Default)]
pub struct Store {
    inner: InMemoryGroupStateStorage,
    written: Arc<AtomicU64>,
}

impl GroupStateStorage for Store {
    type Error = Infallible;

    fn state(&self, group_id: &[u8]) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Infallible> {
        self.inner.state(group_id)
    }

    fn epoch(&self, group_id: &[u8], epoch: u64) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Infallible> {
        self.inner.epoch(group_id, epoch)
    }

    fn write(
        &mut self,
        state: GroupState,
        inserts: Vec<EpochRecord>,
        updates: Vec<EpochRecord>,
    ) -> Result<(), Infallible> {
        let epochs: usize = inserts.iter().chain(&updates).map(|record| record.data.len()).sum();
        self.written.fetch_add((state.data.len() + epochs) as u64, Relaxed);
        self.inner.write(state, inserts, updates)
    }

    fn max_epoch_id(&self, group_id: &[u8]) -> Result<Option<u64>, Infallible> {
        self.inner.max_epoch_id(group_id)
    }
}

fn message(bytes: &[u8]) -> MlsMessage {
    MlsMessage::from_bytes(bytes).unwrap()
}

impl<P: Provider> Library for MlsRs<P> {
    const IMPL: &str = "mls-rs";
    const CRYPTO: &str = P::NAME;
    const STORES_ALWAYS: bool = false;

    type Client = Client<P>;
    type Group = Group<P>;
    type Saved = Group<P>;

    fn client(identity: [u8; 16]) -> Client<P> {
        let provider = P::default();
        let suite = provider.cipher_suite_provider(SUITE).unwrap();
        let (secret, public) = suite.signature_key_generate().unwrap();
        let credential = BasicCredential::new(identity.to_vec()).into_credential();
        let (rules, store) = (Rules::default(), Store::default());
        let client = mls_rs::Client::builder()
            .identity_provider(BasicIdentityProvider)
            .crypto_provider(provider)
            .group_state_storage(store.clone())
            .mls_rules(rules.clone())
            .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
            .build();
        Client { client, rules, store }
    }

    fn key_package(client: &Client<P>) -> Vec<u8> {
        let no_extensions = ExtensionList::default;
        let message =
            client.client.generate_key_package_message(no_extensions(), no_extensions(), None).unwrap();
        message.to_bytes().unwrap()
    }

    fn create(client: Client<P>) -> Group<P> {
        let group =
            client.client.create_group(ExtensionList::default(), ExtensionList::default(), None).unwrap();
        Group { group, client }
    }

    fn join(client: Client<P>, welcome: &[u8], tree: Option<&[u8]>) -> Group<P> {
        let tree = tree.map(|tree| ExportedTree::from_bytes(tree).unwrap());
        let (group, _) = client.client.join_group(tree, &message(welcome), None).unwrap();
        Group { group, client }
    }

    fn join_externally(client: Client<P>, group_info: &[u8]) -> (Group<P>, Vec<u8>) {
        let builder = client.client.external_commit_builder().unwrap();
        let (group, commit) = builder.build(message(group_info)).unwrap();
        (Group { group, client }, commit.to_bytes().unwrap())
    }

    fn add(group: &mut Group<P>, key_packages: &[Vec<u8>], options: Add) -> Added {
        group.client.rules.set(options.path, options.tree_inside);
        let builder = group.group.commit_builder();
        let builder = key_packages
            .iter()
            .fold(builder, |builder, key_package| builder.add_member(message(key_package)).unwrap());
        let output = builder.build().unwrap();
        let [welcome] = output.welcome_messages.as_slice() else { panic!("not one Welcome") };
        Added { commit: output.commit_message.to_bytes().unwrap(), welcome: welcome.to_bytes().unwrap() }
    }

    fn update(group: &mut Group<P>) -> Vec<u8> {
        group.client.rules.set(true, false);
        group.group.commit(Vec::new()).unwrap().commit_message.to_bytes().unwrap()
    }

    fn remove(group: &mut Group<P>, leaf: u32) -> Vec<u8> {
        group.client.rules.set(true, false);
        let output = group.group.commit_builder().remove_member(leaf).unwrap().build().unwrap();
        output.commit_message.to_bytes().unwrap()
    }

    fn merge(group: &mut Group<P>) {
        group.group.apply_pending_commit().unwrap();
    }

    fn process(group: &mut Group<P>, commit: &[u8]) {
        let processed = group.group.process_incoming_message(message(commit)).unwrap();
        assert!(matches!(processed, ReceivedMessage::Commit(_)));
    }

    fn stage(_: &mut Group<P>, _: &[u8]) -> bool {
        false
    }

    fn encrypt(group: &mut Group<P>, message: &[u8]) -> Vec<u8> {
        group.group.encrypt_application_message(message, Vec::new()).unwrap().to_bytes().unwrap()
    }

    fn decrypt(group: &mut Group<P>, bytes: &[u8]) -> Vec<u8> {
        let processed = group.group.process_incoming_message(message(bytes)).unwrap();
        let ReceivedMessage::ApplicationMessage(message) = processed else {
            panic!("not an application message")
        };
        message.data().to_vec()
    }

    fn group_info(group: &Group<P>) -> Vec<u8> {
        group.group.group_info_message_allowing_ext_commit(true).unwrap().to_bytes().unwrap()
    }

    fn tree(group: &Group<P>) -> Vec<u8> {
        group.group.export_tree().to_bytes().unwrap()
    }

    fn authenticator(group: &Group<P>) -> Vec<u8> {
        group.group.epoch_authenticator().unwrap().as_bytes().to_vec()
    }

    fn store(group: &mut Group<P>) {
        group.group.write_to_storage().unwrap();
    }

    fn stored(group: &Group<P>) -> u64 {
        group.client.store.state(group.group.group_id()).unwrap().unwrap().len() as u64
    }

    fn written(group: &mut Group<P>, step: impl FnOnce(&mut Group<P>)) -> u64 {
        let before = group.client.store.written.load(Relaxed);
        step(group);
        group.client.store.written.load(Relaxed) - before
    }

    fn load(group: &Group<P>) -> Group<P> {
        let loaded = group.client.client.load_group(group.group.group_id()).unwrap();
        Group { group: loaded, client: group.client.clone() }
    }

    fn save(group: &Group<P>) -> Group<P> {
        group.clone()
    }

    /// Deletes the group from the store, because all copies of the group share this store.
    fn restore(saved: &Group<P>) -> Group<P> {
        saved.client.store.inner.delete_group(saved.group.group_id());
        saved.clone()
    }

    fn into_client(group: Group<P>) -> Client<P> {
        group.client
    }
}
