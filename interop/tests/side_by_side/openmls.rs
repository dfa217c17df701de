//! The operations with OpenMLS. The client uses the RustCrypto provider and the storage in memory.

use crate::{GROUP, Library, Outcome, Server};
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, GroupId, KeyPackage, KeyPackageIn, MlsGroup,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider, ProcessedMessageContent as Content,
    ProtocolVersion, StagedWelcome,
    tls_codec::{Deserialize, Serialize},
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

pub(crate) struct OpenMls;

pub(crate) struct OpenMlsClient {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
}

impl Library for OpenMls {
    type Client = OpenMlsClient;
    type Group = MlsGroup;
    type Stored = OpenMlsRustCrypto;

    fn client(name: &str) -> Outcome<OpenMlsClient> {
        let provider = OpenMlsRustCrypto::default();
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm())?;
        signer.store(provider.storage())?;
        let credential = BasicCredential::new(name.into()).into();
        let credential = CredentialWithKey { credential, signature_key: signer.public().into() };
        Ok(OpenMlsClient { provider, signer, credential })
    }

    fn key_package(client: &mut OpenMlsClient) -> Outcome<Vec<u8>> {
        let OpenMlsClient { provider, signer, credential } = client;
        let bundle = KeyPackage::builder().build(SUITE, provider, signer, credential.clone())?;
        Ok(bundle.key_package().tls_serialize_detached()?)
    }

    fn create(client: &mut OpenMlsClient) -> Outcome<MlsGroup> {
        let builder = MlsGroup::builder().ciphersuite(SUITE).use_ratchet_tree_extension(true);
        let builder = builder.with_group_id(GroupId::from_slice(GROUP.as_bytes()));
        Ok(builder.build(&client.provider, &client.signer, client.credential.clone())?)
    }

    fn add(
        client: &mut OpenMlsClient,
        group: &mut MlsGroup,
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        let OpenMlsClient { provider, signer, .. } = client;
        let key_package = KeyPackageIn::tls_deserialize_exact(key_package)?;
        let key_package = key_package.validate(provider.crypto(), ProtocolVersion::Mls10)?;
        let (commit, welcome, _) = group.add_members(provider, signer, &[key_package])?;
        if !server.post_commit(&commit.to_bytes()?)? {
            return Ok(false);
        }
        group.merge_pending_commit(provider)?;
        server.post(&welcome.to_bytes()?)?;
        Ok(true)
    }

    fn join(client: &mut OpenMlsClient, welcome: &[u8]) -> Outcome<MlsGroup> {
        let body = MlsMessageIn::tls_deserialize_exact(welcome)?.extract();
        let MlsMessageBodyIn::Welcome(welcome) = body else { return Err("not a Welcome".into()) };
        let config = MlsGroupJoinConfig::builder().use_ratchet_tree_extension(true).build();
        let staged = StagedWelcome::new_from_welcome(&client.provider, &config, welcome, None)?;
        Ok(staged.into_group(&client.provider)?)
    }

    fn send(client: &mut OpenMlsClient, group: &mut MlsGroup, text: &str, server: &mut Server) -> Outcome {
        let message = group.create_message(&client.provider, &client.signer, text.as_bytes())?;
        server.post(&message.to_bytes()?)
    }

    fn receive(client: &mut OpenMlsClient, group: &mut MlsGroup, message: &[u8]) -> Outcome<Option<String>> {
        let provider = &client.provider;
        let message = MlsMessageIn::tls_deserialize_exact(message)?.try_into_protocol_message()?;
        match group.process_message(provider, message)?.into_content() {
            Content::ApplicationMessage(data) => return Ok(Some(String::from_utf8(data.into_bytes())?)),
            Content::ProposalMessage(proposal) | Content::ExternalJoinProposalMessage(proposal) => {
                group.store_pending_proposal(provider.storage(), *proposal)?;
            }
            Content::StagedCommitMessage(commit) => group.merge_staged_commit(provider, *commit)?,
            Content::OwnPendingCommit => group.merge_pending_commit(provider)?,
            Content::OwnPrivateMessage => {}
        }
        Ok(None)
    }

    fn lost_race(
        client: &mut OpenMlsClient,
        group: &mut MlsGroup,
        winner: &[u8],
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        let OpenMlsClient { provider, signer, .. } = client;
        let winner = MlsMessageIn::tls_deserialize_exact(winner)?.try_into_protocol_message()?;
        let winner = group.process_message(provider, winner)?.into_content();
        let Content::StagedCommitMessage(winner) = winner else { return Err("not a Commit".into()) };
        group.merge_staged_commit(provider, *winner)?;
        let key_package = KeyPackageIn::tls_deserialize_exact(key_package)?;
        let key_package = key_package.validate(provider.crypto(), ProtocolVersion::Mls10)?;
        let (commit, welcome, _) = group.add_members(provider, signer, &[key_package])?;
        if !server.post_commit(&commit.to_bytes()?)? {
            return Ok(false);
        }
        group.merge_pending_commit(provider)?;
        server.post(&welcome.to_bytes()?)?;
        Ok(true)
    }

    fn restart(_: &str, stored: OpenMlsRustCrypto) -> Outcome<(OpenMlsClient, MlsGroup)> {
        let group_id = GroupId::from_slice(GROUP.as_bytes());
        let group = MlsGroup::load(stored.storage(), &group_id)?.ok_or("the group is not stored")?;
        let leaf = group.own_leaf_node().ok_or("the client is not a member")?;
        let (credential, signature_key) = (leaf.credential().clone(), leaf.signature_key().clone());
        let (key, scheme) = (signature_key.as_slice(), SUITE.signature_algorithm());
        let signer = SignatureKeyPair::read(stored.storage(), key, scheme).ok_or("no signature key")?;
        let credential = CredentialWithKey { credential, signature_key };
        Ok((OpenMlsClient { provider: stored, signer, credential }, group))
    }

    fn group_info(client: &mut OpenMlsClient, group: &mut MlsGroup) -> Outcome<Vec<u8>> {
        Ok(group.export_group_info(client.provider.crypto(), &client.signer, true)?.to_bytes()?)
    }

    fn external_join(
        client: &mut OpenMlsClient,
        group_info: &[u8],
        server: &mut Server,
    ) -> Outcome<Option<MlsGroup>> {
        let OpenMlsClient { provider, signer, credential } = client;
        let body = MlsMessageIn::tls_deserialize_exact(group_info)?.extract();
        let MlsMessageBodyIn::GroupInfo(group_info) = body else { return Err("not a GroupInfo".into()) };
        let config = MlsGroupJoinConfig::builder().use_ratchet_tree_extension(true).build();
        let builder = MlsGroup::external_commit_builder().with_config(config);
        let builder =
            builder.build_group(provider, group_info, credential.clone())?.load_psks(provider.storage())?;
        let builder = builder.build(provider.rand(), provider.crypto(), signer, |_| true)?;
        let (mut group, bundle) = builder.finalize(provider)?;
        if !server.post_commit(&bundle.into_commit().to_bytes()?)? {
            group.delete(provider.storage())?;
            return Ok(None);
        }
        Ok(Some(group))
    }

    fn members(_: &mut OpenMlsClient, group: &mut MlsGroup) -> Outcome<Vec<String>> {
        let members = group.members().map(|member| {
            let credential = BasicCredential::try_from(member.credential)?;
            Ok(String::from_utf8(credential.identity().to_vec())?)
        });
        members.collect()
    }

    fn stop(client: OpenMlsClient, _: MlsGroup) -> OpenMlsRustCrypto {
        client.provider
    }
}
