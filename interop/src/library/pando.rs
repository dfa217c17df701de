//! Pando with RustCrypto or AWS-LC.

use crate::library::now;
use crate::member::{
    self, Bytes, Client, Commit, Committed, EXTENSION, ExternalJoin, Kind, Library, Member, Outcome,
    PAST_EPOCHS, PROPOSAL, PSKS, Processed, Proposal, Setting, Unsupported, View,
};
use pando_mls::{
    ApplicationData, AwsLc, Capabilities, CipherSuite, Created, Credential, CredentialType, CryptoProvider,
    Decode, Encode, ExtensionType, Extensions, Group, GroupConfig, GroupId, GroupInfo, KeyPackage,
    KeyPackageBundle, KeyPackageTemplate, LeafIndex, LeafTemplate, Lifetime, MlsMessage, MlsMessageBody,
    ProposalType, ProtocolVersion, Psk, PskStore, PskValue, ReInit, RustCrypto, Signer, SourceError,
    Successor, Suite, Welcome,
    wire::{Add, GroupContextExtensions, PreSharedKey, PreSharedKeyId, Remove, ResumptionPskUsage},
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

static CLIENT: LazyLock<pando_mls::Client> =
    LazyLock::new(|| pando_mls::Client::default().with_rules(pando_mls::AdmitAll));

/// The Pando implementation with a cryptographic backend.
pub struct Pando {
    name: &'static str,
    crypto: &'static dyn CryptoProvider,
}

/// The Pando implementation with RustCrypto.
pub const RUST_CRYPTO: Pando = Pando { name: "pando", crypto: &RustCrypto };
/// The Pando implementation with AWS-LC.
pub const AWS_LC: Pando = Pando { name: "pando-awslc", crypto: &AwsLc };

impl Library for Pando {
    fn name(&self) -> &'static str {
        self.name
    }

    fn has(&self, suite: u16) -> bool {
        self.crypto.suite(CipherSuite(suite)).is_some()
    }

    fn unsupported(&self) -> &'static [Unsupported] {
        &[]
    }

    fn client(&self, identity: &[u8], setting: Setting, seed: u64) -> Outcome<Box<dyn Client>> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let suite = self.crypto.suite(CipherSuite(setting.suite)).ok_or("no such suite")?;
        let key = suite.signature_generate_key(&mut rng)?;
        let this = Own {
            crypto: self.crypto,
            suite,
            signer: suite.signer(&key)?,
            identity: identity.to_vec(),
            config: GroupConfig::default()
                .with_encrypt_handshakes(setting.encrypt)
                .with_past_epochs(PAST_EPOCHS),
            bundles: RefCell::new(Vec::new()),
            rng: RefCell::new(rng),
        };
        Ok(Box::new(PandoClient(Rc::new(this))))
    }
}

/// The state of a client of Pando.
struct Own {
    crypto: &'static dyn CryptoProvider,
    suite: Suite,
    signer: Box<dyn Signer>,
    identity: Bytes,
    config: GroupConfig,
    bundles: RefCell<Vec<KeyPackageBundle>>,
    rng: RefCell<ChaCha20Rng>,
}

struct PandoClient(Rc<Own>);

struct PandoMember {
    own: Rc<Own>,
    group: Group,
}

/// A store of the PSKs that all clients know.
struct Known;

impl PskStore for Known {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(PSKS.iter().find(|(id, _)| *id == psk_id).map(|(_, key)| PskValue::from(*key)))
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

impl Own {
    fn client(&self) -> pando_mls::Context<'_> {
        CLIENT.at(now(), &*self.signer).with_crypto(self.crypto).with_psks(&Known).with_config(self.config)
    }

    fn leaf(&self) -> LeafTemplate {
        let capabilities = Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: CipherSuite::ALL.to_vec(),
            extensions: vec![ExtensionType(EXTENSION)],
            proposals: vec![ProposalType(PROPOSAL)],
            credentials: vec![CredentialType::BASIC],
        };
        let credential = Credential::Basic { identity: self.identity.as_slice().into() };
        LeafTemplate { credential, capabilities, extensions: Extensions::default() }
    }

    fn bundle(&self) -> Outcome<KeyPackageBundle> {
        let LeafTemplate { credential, capabilities, extensions } = self.leaf();
        let lifetime = Lifetime::starting_at(now(), 28 * 86_400);
        let template = KeyPackageTemplate {
            credential,
            capabilities,
            lifetime,
            leaf_extensions: extensions,
            extensions: Extensions::default(),
        };
        Ok(KeyPackageBundle::new(self.suite, template, &*self.signer, &mut *self.rng.borrow_mut())?)
    }

    /// Returns the members of a new group: this client, and the owners of the KeyPackages.
    fn successor(&self, key_packages: &[Bytes]) -> Outcome<Successor> {
        let key_packages = key_packages.iter().map(|bytes| key_package(bytes)).collect::<Outcome<_>>()?;
        Ok(Successor::new(self.bundle()?, key_packages))
    }

    fn new_key_package(&self) -> Outcome<KeyPackage> {
        let bundle = self.bundle()?;
        let key_package = bundle.key_package.clone();
        self.bundles.borrow_mut().push(bundle);
        Ok(key_package)
    }

    /// Removes and returns the KeyPackage to which a Welcome is addressed.
    fn take_bundle(&self, welcome: &Welcome) -> Outcome<KeyPackageBundle> {
        let mut bundles = self.bundles.borrow_mut();
        let is_it = |bundle: &KeyPackageBundle| {
            let reference = self.suite.key_package_ref(&bundle.key_package);
            reference
                .is_ok_and(|reference| welcome.secrets.iter().any(|secrets| secrets.new_member == reference))
        };
        let position =
            bundles.iter().position(is_it).ok_or("the Welcome is for no KeyPackage of this client")?;
        Ok(bundles.swap_remove(position))
    }

    /// Converts a proposal of any type except Update.
    fn proposal(&self, proposal: &Proposal, group_id: &GroupId) -> Outcome<pando_mls::Proposal> {
        Ok(match proposal {
            Proposal::Add(bytes) => {
                pando_mls::Proposal::Add(Box::new(Add { key_package: key_package(bytes)? }))
            }
            Proposal::Remove(leaf) => pando_mls::Proposal::Remove(Remove { removed: LeafIndex(*leaf) }),
            Proposal::Extensions(bytes) => {
                let extensions = Extensions::decode(bytes)?;
                pando_mls::Proposal::GroupContextExtensions(GroupContextExtensions { extensions })
            }
            Proposal::ExternalPsk(psk_id) => {
                self.psk_proposal(Psk::External { psk_id: psk_id.as_slice().into() })
            }
            Proposal::ResumptionPsk(psk_epoch) => self.psk_proposal(Psk::Resumption {
                usage: ResumptionPskUsage::Application,
                psk_group_id: group_id.clone(),
                psk_epoch: *psk_epoch,
            }),
            Proposal::ReInit(group_id, extensions) => pando_mls::Proposal::ReInit(Box::new(ReInit {
                group_id: group_id.as_slice().into(),
                version: ProtocolVersion::MLS_10,
                cipher_suite: self.suite.cipher_suite(),
                extensions: Extensions::decode(extensions)?,
            })),
            Proposal::Update => return Err("no Update by value".into()),
        })
    }

    fn psk_proposal(&self, psk: Psk) -> pando_mls::Proposal {
        let mut nonce = vec![0; self.suite.hash_len()];
        self.rng.borrow_mut().fill_bytes(&mut nonce);
        let psk = PreSharedKeyId { psk, psk_nonce: nonce.into() };
        pando_mls::Proposal::PreSharedKey(Box::new(PreSharedKey { psk }))
    }
}

fn key_package(bytes: &[u8]) -> Outcome<KeyPackage> {
    match MlsMessage::decode(bytes)?.body {
        MlsMessageBody::KeyPackage(key_package) => Ok(*key_package),
        _ => Err("not a KeyPackage".into()),
    }
}

fn welcome(bytes: &[u8]) -> Outcome<Welcome> {
    match MlsMessage::decode(bytes)?.body {
        MlsMessageBody::Welcome(welcome) => Ok(welcome),
        _ => Err("not a Welcome".into()),
    }
}

fn group_info(bytes: &[u8]) -> Outcome<GroupInfo> {
    match MlsMessage::decode(bytes)?.body {
        MlsMessageBody::GroupInfo(group_info) => Ok(*group_info),
        _ => Err("not a GroupInfo".into()),
    }
}

impl Client for PandoClient {
    fn signature_key(&self) -> Bytes {
        self.0.signer.public_key().to_vec()
    }

    fn key_package(&mut self) -> Outcome<Bytes> {
        Ok(MlsMessage::from(self.0.new_key_package()?).encode()?)
    }

    fn create(&mut self, group_id: &[u8], extensions: &[u8]) -> Outcome<Box<dyn Member>> {
        let own = &self.0;
        let (id, extensions, bundle) =
            (GroupId::from(group_id), Extensions::decode(extensions)?, own.bundle()?);
        let rng = &mut *own.rng.borrow_mut();
        let group =
            Group::builder(id).extensions(extensions).build(bundle, &own.client(), rng)?.assume_persisted();
        Ok(Box::new(PandoMember { own: own.clone(), group }))
    }

    fn join(&mut self, bytes: &[u8], tree: Option<&[u8]>) -> Outcome<Box<dyn Member>> {
        let own = &self.0;
        let welcome = welcome(bytes)?;
        let bundle = own.take_bundle(&welcome)?;
        let group = Group::join(&welcome, &bundle, tree, &own.client())?.assume_persisted();
        Ok(Box::new(PandoMember { own: own.clone(), group }))
    }

    fn join_externally(&mut self, join: &ExternalJoin<'_>) -> Outcome<(Box<dyn Member>, Bytes)> {
        let own = &self.0;
        let group_info = group_info(join.group_info)?;
        let join = pando_mls::ExternalJoin::new(&group_info, own.leaf())
            .tree(join.tree)
            .replace_leaf(join.resync.map(LeafIndex))
            .psks(join.psk.map(|psk_id| Psk::External { psk_id: psk_id.into() }))
            .authenticated_data(join.authenticated_data);
        let (mut group, commit) = join.build(&own.client(), &mut *own.rng.borrow_mut())?.assume_persisted();
        group.merge_pending()?.assume_persisted();
        Ok((Box::new(PandoMember { own: own.clone(), group }), commit.encode()?))
    }

    fn propose_as_external_sender(&mut self, info: &[u8], _: u32, proposal: &Proposal) -> Outcome<Bytes> {
        let context = group_info(info)?.group_context;
        let proposal = self.0.proposal(proposal, &context.group_id)?;
        Ok(pando_mls::propose_as_external_sender(&context, proposal, &self.0.client())?.encode()?)
    }

    fn propose_own_add(&mut self, info: &[u8]) -> Outcome<Bytes> {
        let (context, key_package) = (group_info(info)?.group_context, self.0.new_key_package()?);
        Ok(pando_mls::propose_own_add(&context, key_package, &self.0.client())?.encode()?)
    }
}

impl PandoMember {
    fn created(&self, created: Created) -> Outcome<member::Successor> {
        let welcome = MlsMessage::from(created.welcome.ok_or("no Welcome")?).encode()?;
        let member = Box::new(Self { own: self.own.clone(), group: created.group });
        Ok(member::Successor { member, welcome })
    }
}

impl Member for PandoMember {
    fn own_leaf(&self) -> u32 {
        self.group.own_leaf().0
    }

    fn view(&mut self, label: &str, context: &[u8]) -> Outcome<View> {
        let (group, public) = (&self.group, self.group.public());
        let mut roster = Vec::new();
        for leaf in public.tree().members() {
            let leaf = leaf?;
            match public.credential(leaf)? {
                Some(Credential::Basic { identity }) => roster.push((leaf.0, identity.to_vec())),
                other => return Err(format!("leaf {} has the credential {other:?}", leaf.0).into()),
            }
        }
        Ok(View {
            epoch: group.epoch(),
            authenticator: group.epoch_authenticator().ok_or("no authenticator")?.expose().to_vec(),
            exported: group.export(label, context, 32)?.expose().to_vec(),
            context: public.context().encode()?,
            tree: public.tree().export()?,
            roster,
        })
    }

    fn group_info(&mut self, with_tree: bool) -> Outcome<Bytes> {
        let builder = self.group.group_info();
        let builder = if with_tree { builder } else { builder.without_tree() };
        Ok(MlsMessage::from(builder.build(&self.own.client())?).encode()?)
    }

    fn propose(&mut self, proposal: &Proposal, authenticated_data: &[u8]) -> Outcome<Bytes> {
        let Self { own, group } = self;
        let (message, _) = if *proposal == Proposal::Update {
            let rng = &mut *own.rng.borrow_mut();
            group.propose_update(None, authenticated_data, &own.client(), rng)?
        } else {
            let proposal = own.proposal(proposal, &group.public().context().group_id)?;
            let rng = &mut *own.rng.borrow_mut();
            group.propose(proposal, authenticated_data, &own.client(), rng)?
        }
        .into_parts();
        Ok(message.encode()?)
    }

    fn commit(&mut self, commit: &Commit) -> Outcome<Committed> {
        let Self { own, group } = self;
        let group_id = group.public().context().group_id.clone();
        let mut builder = group.commit().authenticated_data(&commit.authenticated_data);
        for proposal in &commit.by_value {
            builder = builder.proposal(own.proposal(proposal, &group_id)?);
        }
        if !commit.path {
            builder = builder.without_path();
        }
        if !commit.tree_inside {
            builder = builder.without_tree();
        }
        let output = builder.build(&own.client(), &mut *own.rng.borrow_mut())?.assume_persisted();
        let welcome = output.welcome.map(|welcome| MlsMessage::from(welcome).encode()).transpose()?;
        Ok(Committed { commit: output.message.encode()?, welcome })
    }

    fn merge_pending(&mut self) -> Outcome {
        drop(self.group.merge_pending()?);
        Ok(())
    }

    fn clear_pending(&mut self) -> Outcome {
        drop(self.group.clear_pending());
        Ok(())
    }

    fn process(&mut self, message: &[u8]) -> Outcome<Processed> {
        let Self { own, group } = self;
        match group.process(MlsMessage::decode(message)?, &own.client())?.assume_persisted() {
            pando_mls::Processed::Application { sender, data, authenticated_data, .. } => {
                Ok(Processed::Message {
                    sender: sender.0,
                    data: data.to_vec(),
                    authenticated_data: authenticated_data.to_vec(),
                })
            }
            pando_mls::Processed::Proposal(proposal) => {
                Ok(Processed::Proposal(proposal.authenticated_data.to_vec()))
            }
            pando_mls::Processed::Commit(staged) => {
                let authenticated_data = staged.authenticated_data().to_vec();
                drop(group.merge(*staged)?);
                let remains = group.is_active() || group.reinit().is_some();
                Ok(Processed::Commit { remains, authenticated_data })
            }
            other => Err(format!("unexpected: {other:?}").into()),
        }
    }

    fn encrypt(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Bytes> {
        let Self { own, group } = self;
        let rng = &mut *own.rng.borrow_mut();
        Ok(group
            .encrypt(ApplicationData::new(data).authenticated_data(authenticated_data), &own.client(), rng)?
            .assume_persisted()
            .encode()?)
    }

    fn succeed(&mut self, kind: Kind, group_id: &[u8], key_packages: &[Bytes]) -> Outcome<member::Successor> {
        match kind {
            Kind::Branch => {
                let extensions = self.group.public().context().extensions.encode()?;
                self.branch_with(group_id, &extensions, key_packages)
            }
            Kind::ReInit => {
                let Self { own, group } = &*self;
                let successor = own.successor(key_packages)?;
                let created = group.reinitialize(successor, &own.client(), &mut *own.rng.borrow_mut())?;
                self.created(created.assume_persisted())
            }
        }
    }

    fn branch_with(
        &mut self,
        group_id: &[u8],
        extensions: &[u8],
        key_packages: &[Bytes],
    ) -> Outcome<member::Successor> {
        let Self { own, group } = &*self;
        let (id, extensions) = (GroupId::from(group_id), Extensions::decode(extensions)?);
        let successor = own.successor(key_packages)?;
        let created = group.branch(id, extensions, successor, &own.client(), &mut *own.rng.borrow_mut())?;
        self.created(created.assume_persisted())
    }

    fn join_successor(&mut self, _: Kind, bytes: &[u8]) -> Outcome<Box<dyn Member>> {
        let welcome = welcome(bytes)?;
        let bundle = self.own.take_bundle(&welcome)?;
        let group =
            self.group.join_successor(&welcome, &bundle, None, &self.own.client())?.assume_persisted();
        Ok(Box::new(Self { own: self.own.clone(), group }))
    }

    fn forget(self: Box<Self>) -> Outcome {
        // There is nothing to delete, because the group was not stored.
        Ok(())
    }
}
