//! OpenMLS with its provider for RustCrypto and its store in memory.

use crate::library::UNSUPPORTED_BY_OPENMLS;
use crate::member::{
    Bytes, Client, Commit, Committed, EXTENSION, ExternalJoin, Kind, Library, Member, Outcome, PAST_EPOCHS,
    PROPOSAL, PSKS, Processed, Proposal, Setting, Successor, Unsupported, View,
};
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CredentialWithKey, ExtensionType, Extensions,
    ExternalProposal, GroupContext, GroupId, JoinProposal, KeyPackage, LeafNodeIndex, LeafNodeParameters,
    MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup, MlsGroupCreateConfig,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, PreSharedKeyProposal,
    ProcessedMessageContent, ProposalType, ProtocolVersion, RatchetTreeIn, Sender, SenderExtensionIndex,
    SenderRatchetConfiguration, StagedWelcome, Welcome,
    tls_codec::{Deserialize, Serialize},
};
use openmls::schedule::psk::ResumptionPskUsage;
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use std::rc::Rc;

/// The OpenMLS implementation.
pub struct OpenMls;

impl Library for OpenMls {
    fn name(&self) -> &'static str {
        "openmls"
    }

    fn has(&self, suite: u16) -> bool {
        let crypto = OpenMlsRustCrypto::default();
        Ciphersuite::try_from(suite).is_ok_and(|suite| crypto.crypto().supports(suite).is_ok())
    }

    fn unsupported(&self) -> &'static [Unsupported] {
        UNSUPPORTED_BY_OPENMLS
    }

    fn client(&self, identity: &[u8], setting: Setting, _: u64) -> Outcome<Box<dyn Client>> {
        let provider = OpenMlsRustCrypto::default();
        let suite = Ciphersuite::try_from(setting.suite)?;
        let signer = SignatureKeyPair::new(suite.signature_algorithm())?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(identity.to_vec()).into(),
            signature_key: signer.to_public_vec().into(),
        };
        for (psk_id, key) in PSKS {
            let psk = Psk::External(ExternalPsk::new(psk_id.to_vec()));
            PreSharedKeyId::new(suite, provider.rand(), psk)?.store(&provider, key)?;
        }
        Ok(Box::new(OpenMlsClient(Rc::new(Own {
            provider,
            suite,
            signer,
            credential,
            encrypt: setting.encrypt,
        }))))
    }
}

/// The state of a client of OpenMLS.
struct Own {
    provider: OpenMlsRustCrypto,
    suite: Ciphersuite,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    encrypt: bool,
}

struct OpenMlsClient(Rc<Own>);

struct OpenMlsMember {
    own: Rc<Own>,
    group: MlsGroup,
}

/// Returns limits for messages that arrive out of order. The limits are higher than the defaults of
/// OpenMLS.
fn ratchets() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(32, 1_000)
}

fn capabilities() -> Capabilities {
    Capabilities::builder()
        .extensions(vec![ExtensionType::Unknown(EXTENSION)])
        .proposals(vec![ProposalType::Custom(PROPOSAL)])
        .build()
}

impl Own {
    fn join_config(&self) -> MlsGroupJoinConfig {
        let policy = if self.encrypt {
            MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY
        } else {
            MIXED_PLAINTEXT_WIRE_FORMAT_POLICY
        };
        MlsGroupJoinConfig::builder()
            .wire_format_policy(policy)
            .max_past_epochs(PAST_EPOCHS)
            .number_of_resumption_psks(32)
            .sender_ratchet_configuration(ratchets())
            .build()
    }

    fn new_key_package(&self) -> Outcome<KeyPackage> {
        let bundle = KeyPackage::builder().leaf_node_capabilities(capabilities()).build(
            self.suite,
            &self.provider,
            &self.signer,
            self.credential.clone(),
        )?;
        Ok(bundle.key_package().clone())
    }

    fn key_package(&self, bytes: &[u8]) -> Outcome<KeyPackage> {
        let MlsMessageBodyIn::KeyPackage(key_package) = message(bytes)? else {
            return Err("not a KeyPackage".into());
        };
        Ok(key_package.validate(self.provider.crypto(), ProtocolVersion::Mls10)?)
    }

    fn psk(&self, psk: Psk) -> Outcome<PreSharedKeyId> {
        Ok(PreSharedKeyId::new(self.suite, self.provider.rand(), psk)?)
    }
}

fn message(bytes: &[u8]) -> Outcome<MlsMessageBodyIn> {
    Ok(MlsMessageIn::tls_deserialize_exact(bytes)?.extract())
}

fn welcome(bytes: &[u8]) -> Outcome<Welcome> {
    match message(bytes)? {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err("not a Welcome".into()),
    }
}

fn group_info(bytes: &[u8]) -> Outcome<VerifiableGroupInfo> {
    match message(bytes)? {
        MlsMessageBodyIn::GroupInfo(group_info) => Ok(group_info),
        _ => Err("not a GroupInfo".into()),
    }
}

fn ratchet_tree(tree: Option<&[u8]>) -> Outcome<Option<RatchetTreeIn>> {
    Ok(tree.map(RatchetTreeIn::tls_deserialize_exact).transpose()?)
}

fn extensions(bytes: &[u8]) -> Outcome<Extensions<GroupContext>> {
    Ok(Extensions::tls_deserialize_exact(bytes)?)
}

impl Client for OpenMlsClient {
    fn signature_key(&self) -> Bytes {
        self.0.signer.to_public_vec()
    }

    fn key_package(&mut self) -> Outcome<Bytes> {
        Ok(MlsMessageOut::from(self.0.new_key_package()?).to_bytes()?)
    }

    fn create(&mut self, group_id: &[u8], bytes: &[u8]) -> Outcome<Box<dyn Member>> {
        let own = &self.0;
        let join = own.join_config();
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(own.suite)
            .wire_format_policy(join.wire_format_policy())
            .max_past_epochs(PAST_EPOCHS)
            .number_of_resumption_psks(32)
            .sender_ratchet_configuration(ratchets())
            .capabilities(capabilities())
            .with_group_context_extensions(extensions(bytes)?)
            .build();
        let (id, credential) = (GroupId::from_slice(group_id), own.credential.clone());
        let group = MlsGroup::new_with_group_id(&own.provider, &own.signer, &config, id, credential)?;
        Ok(Box::new(OpenMlsMember { own: own.clone(), group }))
    }

    fn join(&mut self, bytes: &[u8], tree: Option<&[u8]>) -> Outcome<Box<dyn Member>> {
        let own = &self.0;
        let (welcome, tree, config) = (welcome(bytes)?, ratchet_tree(tree)?, own.join_config());
        let staged = StagedWelcome::new_from_welcome(&own.provider, &config, welcome, tree)?;
        let group = staged.into_group(&own.provider)?;
        Ok(Box::new(OpenMlsMember { own: own.clone(), group }))
    }

    /// OpenMLS finds the former leaf itself, by the signature key.
    fn join_externally(&mut self, join: &ExternalJoin<'_>) -> Outcome<(Box<dyn Member>, Bytes)> {
        let own = &self.0;
        let mut builder = MlsGroup::external_commit_builder()
            .with_config(own.join_config())
            .with_aad(join.authenticated_data.to_vec());
        if let Some(tree) = ratchet_tree(join.tree)? {
            builder = builder.with_ratchet_tree(tree);
        }
        let group_info = group_info(join.group_info)?;
        let leaf = LeafNodeParameters::builder().with_capabilities(capabilities()).build();
        let mut builder = builder
            .build_group(&own.provider, group_info, own.credential.clone())?
            .leaf_node_parameters(leaf);
        if let Some(psk_id) = join.psk {
            let psk = own.psk(Psk::External(ExternalPsk::new(psk_id.to_vec())))?;
            builder = builder.add_psk_proposal(PreSharedKeyProposal::new(psk));
        }
        let (group, bundle) = builder
            .load_psks(own.provider.storage())?
            .build(own.provider.rand(), own.provider.crypto(), &own.signer, |_| true)?
            .finalize(&own.provider)?;
        let commit = bundle.into_commit().to_bytes()?;
        Ok((Box::new(OpenMlsMember { own: own.clone(), group }), commit))
    }

    fn propose_as_external_sender(
        &mut self,
        info: &[u8],
        position: u32,
        proposal: &Proposal,
    ) -> Outcome<Bytes> {
        let (own, group_info) = (&self.0, group_info(info)?);
        let (id, epoch) = (group_info.group_id().clone(), group_info.epoch());
        let sender = SenderExtensionIndex::new(position);
        let message = match proposal {
            Proposal::Add(bytes) => ExternalProposal::new_add::<OpenMlsRustCrypto>(
                own.key_package(bytes)?,
                id,
                epoch,
                &own.signer,
                sender,
            )?,
            Proposal::Remove(leaf) => ExternalProposal::new_remove::<OpenMlsRustCrypto>(
                LeafNodeIndex::new(*leaf),
                id,
                epoch,
                &own.signer,
                sender,
            )?,
            _ => return Err("not asked of external senders".into()),
        };
        Ok(message.to_bytes()?)
    }

    fn propose_own_add(&mut self, info: &[u8]) -> Outcome<Bytes> {
        let (own, group_info) = (&self.0, group_info(info)?);
        let (id, epoch) = (group_info.group_id().clone(), group_info.epoch());
        type Storage = <OpenMlsRustCrypto as OpenMlsProvider>::StorageProvider;
        let message = JoinProposal::new::<Storage>(own.new_key_package()?, id, epoch, &own.signer)?;
        Ok(message.to_bytes()?)
    }
}

impl OpenMlsMember {
    fn psk(&self, proposal: &Proposal) -> Outcome<Option<PreSharedKeyId>> {
        let psk = match proposal {
            Proposal::ExternalPsk(psk_id) => Psk::External(ExternalPsk::new(psk_id.clone())),
            Proposal::ResumptionPsk(epoch) => Psk::Resumption(openmls::schedule::psk::ResumptionPsk::new(
                ResumptionPskUsage::Application,
                self.group.group_id().clone(),
                (*epoch).into(),
            )),
            _ => return Ok(None),
        };
        self.own.psk(psk).map(Some)
    }
}

impl Member for OpenMlsMember {
    fn own_leaf(&self) -> u32 {
        self.group.own_leaf_index().u32()
    }

    fn view(&mut self, label: &str, context: &[u8]) -> Outcome<View> {
        let (group, crypto) = (&self.group, self.own.provider.crypto());
        let roster = group.members().map(|member| {
            Ok((member.index.u32(), BasicCredential::try_from(member.credential)?.identity().to_vec()))
        });
        Ok(View {
            epoch: group.epoch().as_u64(),
            authenticator: group.epoch_authenticator().as_slice().to_vec(),
            exported: group.export_secret(crypto, label, context, 32)?,
            context: group.public_group().group_context().tls_serialize_detached()?,
            tree: group.export_ratchet_tree().tls_serialize_detached()?,
            roster: roster.collect::<Outcome<_>>()?,
        })
    }

    fn group_info(&mut self, with_tree: bool) -> Outcome<Bytes> {
        let Own { provider, signer, .. } = &*self.own;
        Ok(self.group.export_group_info(provider.crypto(), signer, with_tree)?.to_bytes()?)
    }

    fn propose(&mut self, proposal: &Proposal, authenticated_data: &[u8]) -> Outcome<Bytes> {
        let psk = self.psk(proposal)?;
        let Self { own, group } = self;
        let Own { provider, signer, .. } = &**own;
        group.set_aad(authenticated_data.to_vec());
        let (message, _) = match proposal {
            Proposal::Add(bytes) => group.propose_add_member(provider, signer, &own.key_package(bytes)?)?,
            Proposal::Update => group.propose_self_update(provider, signer, LeafNodeParameters::default())?,
            Proposal::Remove(leaf) => {
                group.propose_remove_member(provider, signer, LeafNodeIndex::new(*leaf))?
            }
            Proposal::ExternalPsk(_) | Proposal::ResumptionPsk(_) => {
                group.propose_pre_shared_key(provider, signer, psk.ok_or("no PSK")?)?
            }
            Proposal::Extensions(bytes) => {
                group.propose_group_context_extensions(provider, extensions(bytes)?, signer)?
            }
            Proposal::ReInit(..) => return Err("declared to be unsupported".into()),
        };
        Ok(message.to_bytes()?)
    }

    fn commit(&mut self, commit: &Commit) -> Outcome<Committed> {
        let mut psks = Vec::new();
        for proposal in &commit.by_value {
            psks.extend(self.psk(proposal)?);
        }
        let Self { own, group } = self;
        let Own { provider, signer, .. } = &**own;
        group.set_aad(commit.authenticated_data.clone());
        let mut builder = group.commit_builder().force_self_update(commit.path);
        for proposal in &commit.by_value {
            builder = match proposal {
                Proposal::Add(bytes) => builder.propose_adds([own.key_package(bytes)?]),
                Proposal::Remove(leaf) => builder.propose_removals([LeafNodeIndex::new(*leaf)]),
                Proposal::Extensions(bytes) => {
                    builder.propose_group_context_extensions(extensions(bytes)?)?
                }
                Proposal::ExternalPsk(_) | Proposal::ResumptionPsk(_) => builder,
                Proposal::Update | Proposal::ReInit(..) => return Err("not by value".into()),
            };
        }
        let psks = psks
            .into_iter()
            .map(|psk| openmls::prelude::Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk))));
        let bundle = builder
            .add_proposals(psks)
            .load_psks(provider.storage())?
            .use_ratchet_tree_extension(commit.tree_inside)
            .build(provider.rand(), provider.crypto(), signer, |_| true)?
            .stage_commit(provider)?;
        let (commit, welcome, _) = bundle.into_messages();
        let welcome = welcome.map(|welcome| welcome.to_bytes()).transpose()?;
        Ok(Committed { commit: commit.to_bytes()?, welcome })
    }

    fn merge_pending(&mut self) -> Outcome {
        Ok(self.group.merge_pending_commit(&self.own.provider)?)
    }

    fn clear_pending(&mut self) -> Outcome {
        Ok(self.group.clear_pending_commit(self.own.provider.storage())?)
    }

    fn process(&mut self, message: &[u8]) -> Outcome<Processed> {
        let (provider, group) = (&self.own.provider, &mut self.group);
        let message = MlsMessageIn::tls_deserialize_exact(message)?.try_into_protocol_message()?;
        let processed = group.process_message(provider, message)?;
        let (sender, authenticated_data) = (processed.sender().clone(), processed.aad().to_vec());
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                let Sender::Member(leaf) = sender else { return Err("sender is not a member".into()) };
                Ok(Processed::Message { sender: leaf.u32(), data: message.into_bytes(), authenticated_data })
            }
            ProcessedMessageContent::ProposalMessage(proposal)
            | ProcessedMessageContent::ExternalJoinProposalMessage(proposal) => {
                group.store_pending_proposal(provider.storage(), *proposal)?;
                Ok(Processed::Proposal(authenticated_data))
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                group.merge_staged_commit(provider, *staged)?;
                Ok(Processed::Commit { remains: group.is_active(), authenticated_data })
            }
            _ => Err("unexpected".into()),
        }
    }

    fn encrypt(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Bytes> {
        let Own { provider, signer, .. } = &*self.own;
        self.group.set_aad(authenticated_data.to_vec());
        Ok(self.group.create_message(provider, signer, data)?.to_bytes()?)
    }

    fn succeed(&mut self, _: Kind, _: &[u8], _: &[Bytes]) -> Outcome<Successor> {
        Err("declared to be unsupported".into())
    }

    fn join_successor(&mut self, _: Kind, _: &[u8]) -> Outcome<Box<dyn Member>> {
        Err("declared to be unsupported".into())
    }

    fn forget(mut self: Box<Self>) -> Outcome {
        Ok(self.group.delete(self.own.provider.storage())?)
    }
}
