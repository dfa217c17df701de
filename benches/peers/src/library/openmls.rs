//! OpenMLS with its provider for RustCrypto and its store in memory. Every operation writes to the
//! store.

use std::{collections::HashMap, sync::Arc};

use openmls::prelude::{
    BasicCredential, Ciphersuite, CommitMessageBundle, CredentialWithKey, GroupId, KeyPackage, LeafNodeIndex,
    MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent, ProtocolMessage, ProtocolVersion,
    RatchetTreeIn, StagedWelcome,
    tls_codec::{Deserialize, Serialize},
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider;

use super::{Add, Added, Library};

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// The OpenMLS library.
pub struct OpenMls;

/// A client of OpenMLS with its store.
pub struct Client {
    provider: OpenMlsRustCrypto,
    signer: Arc<SignatureKeyPair>,
    credential: CredentialWithKey,
}

/// A group of OpenMLS, together with its member's client.
pub struct Group {
    group: MlsGroup,
    client: Client,
}

/// A client whose store contains a group, and the identifier of that group.
pub struct Saved {
    client: Client,
    id: GroupId,
}

type Values = HashMap<Vec<u8>, Vec<u8>>;

impl Client {
    fn values(&self) -> Values {
        self.provider.storage().values.read().unwrap().clone()
    }
}

impl Clone for Client {
    fn clone(&self) -> Self {
        let provider = OpenMlsRustCrypto::default();
        *provider.storage().values.write().unwrap() = self.values();
        Self { provider, signer: self.signer.clone(), credential: self.credential.clone() }
    }
}

fn message(bytes: &[u8]) -> MlsMessageBodyIn {
    MlsMessageIn::tls_deserialize_exact(bytes).unwrap().extract()
}

fn protocol_message(bytes: &[u8]) -> ProtocolMessage {
    MlsMessageIn::tls_deserialize_exact(bytes).unwrap().try_into_protocol_message().unwrap()
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder().wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY).build()
}

fn validated(key_package: &[u8], client: &Client) -> KeyPackage {
    let MlsMessageBodyIn::KeyPackage(key_package) = message(key_package) else { panic!("not a KeyPackage") };
    key_package.validate(client.provider.crypto(), ProtocolVersion::Mls10).unwrap()
}

/// Creates a Commit without optional output such as a GroupInfo.
fn commit(
    group: &mut Group,
    add: &[KeyPackage],
    remove: Option<u32>,
    path: bool,
    tree_inside: bool,
) -> CommitMessageBundle {
    let Client { provider, signer, .. } = &group.client;
    group
        .group
        .commit_builder()
        .propose_adds(add.iter().cloned())
        .propose_removals(remove.map(LeafNodeIndex::new))
        .force_self_update(path)
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(false)
        .use_ratchet_tree_extension(tree_inside)
        .build(provider.rand(), provider.crypto(), signer.as_ref(), |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap()
}

impl Library for OpenMls {
    const IMPL: &str = "openmls";
    const CRYPTO: &str = "rustcrypto";
    const STORES_ALWAYS: bool = true;

    type Client = Client;
    type Group = Group;
    type Saved = Saved;

    fn client(identity: [u8; 16]) -> Client {
        let provider = OpenMlsRustCrypto::default();
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).unwrap();
        signer.store(provider.storage()).unwrap();
        let credential = CredentialWithKey {
            credential: BasicCredential::new(identity.to_vec()).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Client { provider, signer: Arc::new(signer), credential }
    }

    fn key_package(client: &Client) -> Vec<u8> {
        let Client { provider, signer, credential } = client;
        let bundle =
            KeyPackage::builder().build(SUITE, provider, signer.as_ref(), credential.clone()).unwrap();
        openmls::prelude::MlsMessageOut::from(bundle.key_package().clone()).to_bytes().unwrap()
    }

    fn create(client: Client) -> Group {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .build();
        let Client { provider, signer, credential } = &client;
        let group = MlsGroup::new(provider, signer.as_ref(), &config, credential.clone()).unwrap();
        Group { group, client }
    }

    fn join(client: Client, welcome: &[u8], tree: Option<&[u8]>) -> Group {
        let MlsMessageBodyIn::Welcome(welcome) = message(welcome) else { panic!("not a Welcome") };
        let tree = tree.map(|tree| RatchetTreeIn::tls_deserialize_exact(tree).unwrap());
        let staged =
            StagedWelcome::new_from_welcome(&client.provider, &join_config(), welcome, tree).unwrap();
        let group = staged.into_group(&client.provider).unwrap();
        Group { group, client }
    }

    fn join_externally(client: Client, group_info: &[u8]) -> (Group, Vec<u8>) {
        let MlsMessageBodyIn::GroupInfo(group_info) = message(group_info) else { panic!("not a GroupInfo") };
        let Client { provider, signer, credential } = &client;
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_config(join_config())
            .build_group(provider, group_info, credential.clone())
            .unwrap()
            .load_psks(provider.storage())
            .unwrap()
            .build(provider.rand(), provider.crypto(), signer.as_ref(), |_| true)
            .unwrap()
            .finalize(provider)
            .unwrap();
        let commit = bundle.into_commit().to_bytes().unwrap();
        (Group { group, client }, commit)
    }

    fn add(group: &mut Group, key_packages: &[Vec<u8>], options: Add) -> Added {
        let add: Vec<_> = key_packages.iter().map(|bytes| validated(bytes, &group.client)).collect();
        let (commit, welcome, _) =
            commit(group, &add, None, options.path, options.tree_inside).into_messages();
        Added { commit: commit.to_bytes().unwrap(), welcome: welcome.unwrap().to_bytes().unwrap() }
    }

    fn update(group: &mut Group) -> Vec<u8> {
        commit(group, &[], None, true, false).into_commit().to_bytes().unwrap()
    }

    fn remove(group: &mut Group, leaf: u32) -> Vec<u8> {
        commit(group, &[], Some(leaf), true, false).into_commit().to_bytes().unwrap()
    }

    fn merge(group: &mut Group) {
        group.group.merge_pending_commit(&group.client.provider).unwrap();
    }

    fn process(group: &mut Group, commit: &[u8]) {
        let provider = &group.client.provider;
        let processed = group.group.process_message(provider, protocol_message(commit)).unwrap();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            panic!("not a Commit")
        };
        group.group.merge_staged_commit(provider, *staged).unwrap();
    }

    fn stage(group: &mut Group, commit: &[u8]) -> bool {
        group.group.process_message(&group.client.provider, protocol_message(commit)).unwrap();
        true
    }

    fn encrypt(group: &mut Group, message: &[u8]) -> Vec<u8> {
        let Client { provider, signer, .. } = &group.client;
        group.group.create_message(provider, signer.as_ref(), message).unwrap().to_bytes().unwrap()
    }

    fn decrypt(group: &mut Group, message: &[u8]) -> Vec<u8> {
        let provider = &group.client.provider;
        let processed = group.group.process_message(provider, protocol_message(message)).unwrap();
        let ProcessedMessageContent::ApplicationMessage(message) = processed.into_content() else {
            panic!("not an application message")
        };
        message.into_bytes()
    }

    fn group_info(group: &Group) -> Vec<u8> {
        let Client { provider, signer, .. } = &group.client;
        group.group.export_group_info(provider.crypto(), signer.as_ref(), true).unwrap().to_bytes().unwrap()
    }

    fn tree(group: &Group) -> Vec<u8> {
        group.group.export_ratchet_tree().tls_serialize_detached().unwrap()
    }

    fn authenticator(group: &Group) -> Vec<u8> {
        group.group.epoch_authenticator().as_slice().to_vec()
    }

    fn store(_: &mut Group) {}

    fn stored(group: &Group) -> u64 {
        let values = group.client.provider.storage().values.read().unwrap();
        values.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    /// Counts the bytes of new and changed values, because the store does not count writes itself.
    fn written(group: &mut Group, step: impl FnOnce(&mut Group)) -> u64 {
        let before = group.client.values();
        step(group);
        let after = group.client.provider.storage().values.read().unwrap();
        let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
        changed.map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    fn load(group: &Group) -> Group {
        let client = Client {
            provider: OpenMlsRustCrypto::default(),
            signer: group.client.signer.clone(),
            credential: group.client.credential.clone(),
        };
        let loaded =
            MlsGroup::load(group.client.provider.storage(), group.group.group_id()).unwrap().unwrap();
        Group { group: loaded, client }
    }

    fn save(group: &Group) -> Saved {
        Saved { client: group.client.clone(), id: group.group.group_id().clone() }
    }

    fn restore(saved: &Saved) -> Group {
        let client = saved.client.clone();
        let group = MlsGroup::load(client.provider.storage(), &saved.id).unwrap().unwrap();
        Group { group, client }
    }

    fn into_client(group: Group) -> Client {
        group.client
    }
}
