//! The operations with mls-rs. The client uses the RustCrypto provider and the storage in memory,
//! to which the application writes explicitly.

use crate::{GROUP, Library, Outcome, Server};
use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList, Group, MlsMessage,
    client_builder::{
        BaseConfig, WithCryptoProvider, WithGroupStateStorage, WithIdentityProvider, WithKeyPackageRepo,
    },
    crypto::SignatureSecretKey,
    group::ReceivedMessage,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    storage_provider::in_memory::{InMemoryGroupStateStorage, InMemoryKeyPackageStorage},
};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

type Config = WithKeyPackageRepo<
    InMemoryKeyPackageStorage,
    WithGroupStateStorage<
        InMemoryGroupStateStorage,
        WithCryptoProvider<RustCryptoProvider, WithIdentityProvider<BasicIdentityProvider, BaseConfig>>,
    >,
>;

pub(crate) struct MlsRs;

pub(crate) struct MlsRsClient {
    client: Client<Config>,
    stored: Stored,
}

/// The values that the application stores itself, and the stores of the library.
pub(crate) struct Stored {
    identity: SigningIdentity,
    secret: SignatureSecretKey,
    groups: InMemoryGroupStateStorage,
    key_packages: InMemoryKeyPackageStorage,
}

impl Library for MlsRs {
    type Client = MlsRsClient;
    type Group = Group<Config>;
    type Stored = Stored;

    fn client(name: &str) -> Outcome<MlsRsClient> {
        let crypto = RustCryptoProvider::default();
        let suite = crypto.cipher_suite_provider(SUITE).ok_or("the cipher suite is not supported")?;
        let (secret, public) = suite.signature_key_generate()?;
        let identity = SigningIdentity::new(BasicCredential::new(name.into()).into_credential(), public);
        let (groups, key_packages) = (InMemoryGroupStateStorage::new(), InMemoryKeyPackageStorage::new());
        let builder = Client::builder().identity_provider(BasicIdentityProvider).crypto_provider(crypto);
        let builder = builder.group_state_storage(groups.clone()).key_package_repo(key_packages.clone());
        let client = builder.signing_identity(identity.clone(), secret.clone(), SUITE).build();
        Ok(MlsRsClient { client, stored: Stored { identity, secret, groups, key_packages } })
    }

    fn key_package(client: &mut MlsRsClient) -> Outcome<Vec<u8>> {
        let none = ExtensionList::default;
        Ok(client.client.generate_key_package_message(none(), none(), None)?.to_bytes()?)
    }

    fn create(client: &mut MlsRsClient) -> Outcome<Group<Config>> {
        let mut group = client.client.group_builder()?.with_group_id(GROUP.into()).build()?;
        group.write_to_storage()?;
        Ok(group)
    }

    fn add(
        _: &mut MlsRsClient,
        group: &mut Group<Config>,
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        let output = group.commit_builder().add_member(MlsMessage::from_bytes(key_package)?)?.build()?;
        group.write_to_storage()?;
        if !server.post_commit(&output.commit_message.to_bytes()?)? {
            return Ok(false);
        }
        group.apply_pending_commit()?;
        group.write_to_storage()?;
        let welcome = output.welcome_messages.first().ok_or("no Welcome")?;
        server.post(&welcome.to_bytes()?)?;
        Ok(true)
    }

    fn join(client: &mut MlsRsClient, welcome: &[u8]) -> Outcome<Group<Config>> {
        let (mut group, _) = client.client.join_group(None, &MlsMessage::from_bytes(welcome)?, None)?;
        group.write_to_storage()?;
        Ok(group)
    }

    fn send(_: &mut MlsRsClient, group: &mut Group<Config>, text: &str, server: &mut Server) -> Outcome {
        let message = group.encrypt_application_message(text.as_bytes(), Vec::new())?;
        group.write_to_storage()?;
        server.post(&message.to_bytes()?)
    }

    fn receive(_: &mut MlsRsClient, group: &mut Group<Config>, message: &[u8]) -> Outcome<Option<String>> {
        let received = group.process_incoming_message(MlsMessage::from_bytes(message)?)?;
        group.write_to_storage()?;
        let ReceivedMessage::ApplicationMessage(message) = received else { return Ok(None) };
        Ok(Some(String::from_utf8(message.data().to_vec())?))
    }

    fn lost_race(
        _: &mut MlsRsClient,
        group: &mut Group<Config>,
        winner: &[u8],
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        group.process_incoming_message(MlsMessage::from_bytes(winner)?)?;
        let output = group.commit_builder().add_member(MlsMessage::from_bytes(key_package)?)?.build()?;
        group.write_to_storage()?;
        if !server.post_commit(&output.commit_message.to_bytes()?)? {
            return Ok(false);
        }
        group.apply_pending_commit()?;
        group.write_to_storage()?;
        let welcome = output.welcome_messages.first().ok_or("no Welcome")?;
        server.post(&welcome.to_bytes()?)?;
        Ok(true)
    }

    fn restart(_: &str, stored: Stored) -> Outcome<(MlsRsClient, Group<Config>)> {
        let Stored { identity, secret, groups, key_packages } = &stored;
        let crypto = RustCryptoProvider::default();
        let builder = Client::builder().identity_provider(BasicIdentityProvider).crypto_provider(crypto);
        let builder = builder.group_state_storage(groups.clone()).key_package_repo(key_packages.clone());
        let client = builder.signing_identity(identity.clone(), secret.clone(), SUITE).build();
        let group = client.load_group(GROUP.as_bytes())?;
        Ok((MlsRsClient { client, stored }, group))
    }

    fn group_info(_: &mut MlsRsClient, group: &mut Group<Config>) -> Outcome<Vec<u8>> {
        Ok(group.group_info_message_allowing_ext_commit(true)?.to_bytes()?)
    }

    fn external_join(
        client: &mut MlsRsClient,
        group_info: &[u8],
        server: &mut Server,
    ) -> Outcome<Option<Group<Config>>> {
        let builder = client.client.external_commit_builder()?;
        let (mut group, commit) = builder.build(MlsMessage::from_bytes(group_info)?)?;
        group.write_to_storage()?;
        if !server.post_commit(&commit.to_bytes()?)? {
            client.stored.groups.delete_group(group.group_id());
            return Ok(None);
        }
        Ok(Some(group))
    }

    fn members(_: &mut MlsRsClient, group: &mut Group<Config>) -> Outcome<Vec<String>> {
        let members = group.roster().members().into_iter().map(|member| {
            let credential = member.signing_identity.credential.as_basic().ok_or("not a basic credential")?;
            Ok(String::from_utf8(credential.identifier.clone())?)
        });
        members.collect()
    }

    fn stop(client: MlsRsClient, _: Group<Config>) -> Stored {
        client.stored
    }
}
