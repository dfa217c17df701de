//! mls-rs with its providers for RustCrypto and AWS-LC, and its stores in memory.

use crate::library::UNSUPPORTED_BY_MLS_RS;
use crate::member::{
    Bytes, Client, Commit, Committed, EXTENSION, ExternalJoin, Kind, Library, Member, Outcome, PAST_EPOCHS,
    PROPOSAL, PSKS, Processed, Proposal, Setting, Successor, Unsupported, View,
};
use mls_rs::{
    CipherSuite, CipherSuiteProvider, CryptoProvider, ExtensionList, MlsMessage, MlsRules, ProtocolVersion,
    client_builder::{
        BaseConfig, IntoConfigOutput, PaddingMode, WithCryptoProvider, WithGroupStateStorage,
        WithIdentityProvider, WithMlsRules,
    },
    crypto::{SignaturePublicKey, SignatureSecretKey},
    external_client::ExternalClient,
    group::{CommitEffect, ExportedTree, GroupContext, ReceivedMessage, Roster, proposal::ProposalType},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rs_codec::{MlsDecode, MlsEncode},
    mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle},
    psk::{ExternalPskId, PreSharedKey},
    storage_provider::in_memory::InMemoryGroupStateStorage,
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use std::{
    convert::Infallible,
    marker::PhantomData,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// The mls-rs implementation with a cryptographic provider.
pub struct MlsRs<P> {
    name: &'static str,
    provider: PhantomData<P>,
}

/// The mls-rs implementation with RustCrypto.
pub const RUST_CRYPTO: MlsRs<RustCryptoProvider> = MlsRs { name: "mls-rs", provider: PhantomData };
/// The mls-rs implementation with AWS-LC.
pub const AWS_LC: MlsRs<AwsLcCryptoProvider> = MlsRs { name: "mls-rs-awslc", provider: PhantomData };

/// The traits that a cryptographic provider must implement.
pub trait Provider: CryptoProvider + Clone + Default + 'static {}

impl<P: CryptoProvider + Clone + Default + 'static> Provider for P {}

type Config<P> = IntoConfigOutput<
    WithMlsRules<
        Rules,
        WithGroupStateStorage<
            InMemoryGroupStateStorage,
            WithCryptoProvider<P, WithIdentityProvider<BasicIdentityProvider, BaseConfig>>,
        >,
    >,
>;

impl<P: Provider> Library for MlsRs<P> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn has(&self, suite: u16) -> bool {
        P::default().cipher_suite_provider(CipherSuite::new(suite)).is_some()
    }

    fn unsupported(&self) -> &'static [Unsupported] {
        UNSUPPORTED_BY_MLS_RS
    }

    fn client(&self, identity: &[u8], setting: Setting, _: u64) -> Outcome<Box<dyn Client>> {
        let provider = P::default();
        let suite = CipherSuite::new(setting.suite);
        let crypto = provider.cipher_suite_provider(suite).ok_or("no such suite")?;
        let (secret, public) = crypto.signature_key_generate()?;
        let credential = BasicCredential::new(identity.to_vec()).into_credential();
        let signing_identity = SigningIdentity::new(credential, public.clone());
        let store = InMemoryGroupStateStorage::new().with_max_epoch_retention(PAST_EPOCHS)?;
        let rules = Rules::new(setting.encrypt);
        let client = mls_rs::Client::builder()
            .identity_provider(BasicIdentityProvider)
            .crypto_provider(provider)
            .group_state_storage(store.clone())
            .mls_rules(rules.clone())
            .extension_type(EXTENSION.into())
            .custom_proposal_type(ProposalType::new(PROPOSAL))
            .signing_identity(signing_identity.clone(), secret.clone(), suite)
            .build();
        for (psk_id, key) in PSKS {
            let (id, key) = (ExternalPskId::new(psk_id.to_vec()), PreSharedKey::new(key.to_vec()));
            client.secret_store().insert(id, key);
        }
        Ok(Box::new(MlsRsClient(Rc::new(Own {
            client,
            rules,
            store,
            secret,
            signing_identity,
            public,
            suite,
        }))))
    }
}

/// The state of a client of mls-rs.
struct Own<P: Provider> {
    client: mls_rs::Client<Config<P>>,
    rules: Rules,
    store: InMemoryGroupStateStorage,
    secret: SignatureSecretKey,
    signing_identity: SigningIdentity,
    public: SignaturePublicKey,
    suite: CipherSuite,
}

struct MlsRsClient<P: Provider>(Rc<Own<P>>);

struct MlsRsMember<P: Provider> {
    own: Rc<Own<P>>,
    group: mls_rs::Group<Config<P>>,
}

/// The options of the next Commit. mls-rs asks the application for these options while it creates a
/// Commit.
#[derive(Clone, Debug)]
struct Rules {
    encrypt: bool,
    path: Arc<AtomicBool>,
    tree_inside: Arc<AtomicBool>,
}

impl Rules {
    fn new(encrypt: bool) -> Self {
        Self { encrypt, path: Arc::default(), tree_inside: Arc::default() }
    }

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
        Ok(EncryptionOptions::new(self.encrypt, PaddingMode::StepFunction))
    }
}

fn message(bytes: &[u8]) -> Outcome<MlsMessage> {
    Ok(MlsMessage::from_bytes(bytes)?)
}

fn extensions(mut bytes: &[u8]) -> Outcome<ExtensionList> {
    Ok(ExtensionList::mls_decode(&mut bytes)?)
}

fn ratchet_tree(tree: Option<&[u8]>) -> Outcome<Option<ExportedTree<'static>>> {
    Ok(tree.map(ExportedTree::from_bytes).transpose()?)
}

impl<P: Provider> MlsRsClient<P> {
    fn member(&self, mut group: mls_rs::Group<Config<P>>) -> Outcome<Box<dyn Member>> {
        group.write_to_storage()?;
        Ok(Box::new(MlsRsMember { own: self.0.clone(), group }))
    }
}

impl<P: Provider> Client for MlsRsClient<P> {
    fn signature_key(&self) -> Bytes {
        self.0.public.as_bytes().to_vec()
    }

    fn key_package(&mut self) -> Outcome<Bytes> {
        let no_extensions = ExtensionList::default;
        Ok(self.0.client.generate_key_package_message(no_extensions(), no_extensions(), None)?.to_bytes()?)
    }

    fn create(&mut self, group_id: &[u8], bytes: &[u8]) -> Outcome<Box<dyn Member>> {
        let (id, extensions) = (group_id.to_vec(), extensions(bytes)?);
        self.member(self.0.client.create_group_with_id(id, extensions, ExtensionList::default(), None)?)
    }

    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<Box<dyn Member>> {
        let (group, _) = self.0.client.join_group(ratchet_tree(tree)?, &message(welcome)?, None)?;
        self.member(group)
    }

    fn join_externally(&mut self, join: &ExternalJoin<'_>) -> Outcome<(Box<dyn Member>, Bytes)> {
        let mut builder = self
            .0
            .client
            .external_commit_builder()?
            .with_authenticated_data(join.authenticated_data.to_vec());
        if let Some(tree) = ratchet_tree(join.tree)? {
            builder = builder.with_tree_data(tree);
        }
        if let Some(leaf) = join.resync {
            builder = builder.with_removal(leaf);
        }
        if let Some(psk_id) = join.psk {
            builder = builder.with_external_psk(ExternalPskId::new(psk_id.to_vec()));
        }
        let (group, commit) = builder.build(message(join.group_info)?)?;
        Ok((self.member(group)?, commit.to_bytes()?))
    }

    fn propose_as_external_sender(
        &mut self,
        group_info: &[u8],
        _: u32,
        proposal: &Proposal,
    ) -> Outcome<Bytes> {
        let own = &self.0;
        let outsider = ExternalClient::builder()
            .identity_provider(BasicIdentityProvider)
            .crypto_provider(P::default())
            .mls_rules(own.rules.clone())
            .extension_type(EXTENSION.into())
            .signer(own.secret.clone(), own.signing_identity.clone())
            .build();
        let mut group = outsider.observe_group(message(group_info)?, None, None)?;
        let message = match proposal {
            Proposal::Add(bytes) => group.propose_add(message(bytes)?, Vec::new())?,
            Proposal::Remove(leaf) => group.propose_remove(*leaf, Vec::new())?,
            _ => return Err("not asked of external senders".into()),
        };
        Ok(message.to_bytes()?)
    }

    fn propose_own_add(&mut self, group_info: &[u8]) -> Outcome<Bytes> {
        let no_extensions = ExtensionList::default;
        let proposal = self.0.client.external_add_proposal(
            &message(group_info)?,
            None,
            Vec::new(),
            no_extensions(),
            no_extensions(),
            None,
        )?;
        Ok(proposal.to_bytes()?)
    }
}

impl<P: Provider> Member for MlsRsMember<P> {
    fn own_leaf(&self) -> u32 {
        self.group.current_member_index()
    }

    fn view(&mut self, label: &str, context: &[u8]) -> Outcome<View> {
        let group = &self.group;
        let roster = group.roster().members_iter().map(|member| {
            let credential = member.signing_identity.credential.as_basic().ok_or("not a basic credential")?;
            Ok((member.index, credential.identifier.clone()))
        });
        Ok(View {
            epoch: group.current_epoch(),
            authenticator: group.epoch_authenticator()?.as_bytes().to_vec(),
            exported: group.export_secret(label.as_bytes(), context, 32)?.as_bytes().to_vec(),
            context: group.context().mls_encode_to_vec()?,
            tree: group.export_tree().to_bytes()?,
            roster: roster.collect::<Outcome<_>>()?,
        })
    }

    fn group_info(&mut self, with_tree: bool) -> Outcome<Bytes> {
        Ok(self.group.group_info_message_allowing_ext_commit(with_tree)?.to_bytes()?)
    }

    fn propose(&mut self, proposal: &Proposal, authenticated_data: &[u8]) -> Outcome<Bytes> {
        let (group, data) = (&mut self.group, authenticated_data.to_vec());
        let message = match proposal {
            Proposal::Add(bytes) => group.propose_add(message(bytes)?, data)?,
            Proposal::Update => group.propose_update(data)?,
            Proposal::Remove(leaf) => group.propose_remove(*leaf, data)?,
            Proposal::ExternalPsk(psk_id) => {
                group.propose_external_psk(ExternalPskId::new(psk_id.clone()), data)?
            }
            Proposal::ResumptionPsk(epoch) => group.propose_resumption_psk(*epoch, data)?,
            Proposal::Extensions(bytes) => {
                group.propose_group_context_extensions(extensions(bytes)?, data)?
            }
            Proposal::ReInit(group_id, bytes) => group.propose_reinit(
                Some(group_id.clone()),
                ProtocolVersion::MLS_10,
                self.own.suite,
                extensions(bytes)?,
                data,
            )?,
        };
        Ok(message.to_bytes()?)
    }

    fn commit(&mut self, commit: &Commit) -> Outcome<Committed> {
        self.own.rules.set(commit.path, commit.tree_inside);
        let mut builder = self.group.commit_builder().authenticated_data(commit.authenticated_data.clone());
        for proposal in &commit.by_value {
            builder = match proposal {
                Proposal::Add(bytes) => builder.add_member(message(bytes)?)?,
                Proposal::Remove(leaf) => builder.remove_member(*leaf)?,
                Proposal::ExternalPsk(psk_id) => {
                    builder.add_external_psk(ExternalPskId::new(psk_id.clone()))?
                }
                Proposal::ResumptionPsk(epoch) => builder.add_resumption_psk(*epoch)?,
                Proposal::Extensions(bytes) => builder.set_group_context_ext(extensions(bytes)?)?,
                Proposal::ReInit(group_id, bytes) => builder.reinit(
                    Some(group_id.clone()),
                    ProtocolVersion::MLS_10,
                    self.own.suite,
                    extensions(bytes)?,
                )?,
                Proposal::Update => return Err("no Update by value".into()),
            };
        }
        let output = builder.build()?;
        let welcome = match output.welcome_messages.as_slice() {
            [] => None,
            [welcome] => Some(welcome.to_bytes()?),
            several => return Err(format!("{} Welcomes", several.len()).into()),
        };
        Ok(Committed { commit: output.commit_message.to_bytes()?, welcome })
    }

    fn merge_pending(&mut self) -> Outcome {
        self.group.apply_pending_commit()?;
        Ok(self.group.write_to_storage()?)
    }

    fn clear_pending(&mut self) -> Outcome {
        self.group.clear_pending_commit();
        Ok(())
    }

    fn process(&mut self, bytes: &[u8]) -> Outcome<Processed> {
        match self.group.process_incoming_message(message(bytes)?)? {
            ReceivedMessage::ApplicationMessage(message) => Ok(Processed::Message {
                sender: message.sender_index,
                data: message.data().to_vec(),
                authenticated_data: message.authenticated_data,
            }),
            ReceivedMessage::Proposal(proposal) => Ok(Processed::Proposal(proposal.authenticated_data)),
            ReceivedMessage::Commit(commit) => {
                self.group.write_to_storage()?;
                let remains = !matches!(commit.effect, CommitEffect::Removed { .. });
                Ok(Processed::Commit { remains, authenticated_data: commit.authenticated_data })
            }
            other => Err(format!("unexpected: {other:?}").into()),
        }
    }

    fn encrypt(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Bytes> {
        Ok(self.group.encrypt_application_message(data, authenticated_data.to_vec())?.to_bytes()?)
    }

    fn succeed(&mut self, kind: Kind, group_id: &[u8], key_packages: &[Bytes]) -> Outcome<Successor> {
        self.own.rules.set(true, true);
        let key_packages = key_packages.iter().map(|bytes| message(bytes)).collect::<Outcome<Vec<_>>>()?;
        let (group, welcomes) = match kind {
            Kind::Branch => self.group.branch(group_id.to_vec(), key_packages, None)?,
            Kind::ReInit => {
                let client = self.group.clone().get_reinit_client(None, None)?;
                client.commit(key_packages, ExtensionList::default(), None)?
            }
        };
        let [welcome] = welcomes.as_slice() else { return Err("not one Welcome".into()) };
        let welcome = welcome.to_bytes()?;
        Ok(Successor { member: MlsRsClient(self.own.clone()).member(group)?, welcome })
    }

    fn join_successor(&mut self, kind: Kind, welcome: &[u8]) -> Outcome<Box<dyn Member>> {
        let welcome = message(welcome)?;
        let (group, _) = match kind {
            Kind::Branch => self.group.join_subgroup(&welcome, None, None)?,
            Kind::ReInit => self.group.clone().get_reinit_client(None, None)?.join(&welcome, None, None)?,
        };
        MlsRsClient(self.own.clone()).member(group)
    }

    fn forget(self: Box<Self>) -> Outcome {
        self.own.store.delete_group(self.group.group_id());
        Ok(())
    }
}
