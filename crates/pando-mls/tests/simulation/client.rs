//! The clients of a simulation, with their identities, signers and groups.

use crate::failure::{Explain, Failure, Outcome, ensure};
use crate::random::Random;
use crate::ratchets::Ratchets;
use pando_mls::{
    Capabilities, CipherSuite, Client, Context, Credential, CredentialType, ExtensionType, Extensions, Group,
    GroupConfig, GroupError, GroupId, IdentityError, IdentityPolicy, KeyPackage, KeyPackageBundle,
    KeyPackageTemplate, LeafTemplate, Lifetime, Padding, Proposal, ProposalType, ProtocolVersion, PskStore,
    PskValue, RatchetLimits, RowKey, Rows, RustCrypto, Signer, SourceError, Suite, Unpersisted,
    wire::SignaturePublicKey,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_mls::AdmitAll));

pub(crate) const NOW: u64 = 1_000;
/// The custom types, which only some clients support.
pub(crate) const CUSTOM_PROPOSAL: ProposalType = ProposalType(0xf001);
pub(crate) const CUSTOM_EXTENSION: ExtensionType = ExtensionType(0xf002);
/// The percentage of clients that support these types. All members of a group often support them,
/// but not always.
pub(crate) const CAPABLE: usize = 90;

/// The number that identifies a client.
pub(crate) type Id = usize;

pub(crate) fn credential(id: Id) -> Credential {
    Credential::Basic { identity: (id as u64).to_be_bytes().as_slice().into() }
}

pub(crate) fn id_of(credential: &Credential) -> Option<Id> {
    let Credential::Basic { identity } = credential else { return None };
    let bytes: &[u8] = identity;
    Some(u64::from_be_bytes(bytes.try_into().ok()?) as Id)
}

/// A policy that identifies a client by its credential and permits no change of identity.
struct Names;

impl IdentityPolicy for Names {
    fn validate(
        &self,
        credential: &Credential,
        _: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), IdentityError> {
        id_of(credential).map(drop).ok_or_else(|| IdentityError("not a number".to_owned()))
    }

    fn client_id(&self, credential: &Credential) -> Option<Vec<u8>> {
        Some(id_of(credential)?.to_be_bytes().to_vec())
    }

    fn may_succeed(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

pub(crate) const POLICY: &dyn IdentityPolicy = &Names;

/// The PSKs that every client has: all external PSKs, and the resumption PSKs of all epochs.
#[derive(Default)]
pub(crate) struct Psks {
    pub(crate) resumption: BTreeMap<u64, Vec<u8>>,
}

impl PskStore for Psks {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(Some([psk_id, psk_id].concat().into()))
    }

    fn resumption(&self, _: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(self.resumption.get(&epoch).map(|psk| psk.as_slice().into()))
    }
}

/// A client that is inside or outside the group.
pub(crate) struct SimulatedClient {
    pub(crate) id: Id,
    pub(crate) config: GroupConfig,
    /// The client's signers for the current cipher suite, with the newest one last.
    signers: Vec<Box<dyn Signer>>,
    /// The bundles of the client's published KeyPackages that have not been used yet.
    pub(crate) bundles: Vec<KeyPackageBundle>,
    pub(crate) state: State,
    /// Whether the client is connected to the network.
    pub(crate) online: bool,
    /// The proposals of the client's lost Commits, each with the epoch of its Commit.
    pub(crate) wanted: Vec<(u64, Proposal)>,
}

pub(crate) enum State {
    Outside,
    /// There is a Welcome for the client that it has not processed yet.
    Invited(Invitation),
    /// The client is a member, but has lost its state.
    Lost,
    Member(Box<Member>),
}

pub(crate) struct Invitation {
    pub(crate) welcome: Vec<u8>,
    /// The tree, unless the Welcome contains it.
    pub(crate) tree: Option<Vec<u8>>,
}

/// The state of a member.
pub(crate) struct Member {
    pub(crate) group: Group,
    pub(crate) rows: Rows,
    /// The epoch in which the member joined.
    pub(crate) joined: u64,
    /// The positions in the log of those proposals of the current epoch that the member has
    /// processed.
    pub(crate) taken: BTreeSet<usize>,
    /// The number of handshake messages that the member has sent in this epoch.
    pub(crate) handshakes: usize,
    /// Whether the member has a pending Commit and does not know whether it was accepted.
    pub(crate) pending: bool,
    /// The messages that are in transit to the member.
    pub(crate) inbox: Vec<usize>,
    pub(crate) ratchets: Ratchets,
}

impl Member {
    pub(crate) fn new(group: Unpersisted<Group>, limits: RatchetLimits) -> Box<Self> {
        let mut rows = Rows::new();
        let group = group.persist_to(&mut rows).unwrap();
        Self::stored(group, rows, limits)
    }

    /// Returns a member whose group is stored in these rows.
    pub(crate) fn stored(group: Group, rows: Rows, limits: RatchetLimits) -> Box<Self> {
        Box::new(Self {
            joined: group.epoch(),
            group,
            rows,
            taken: BTreeSet::new(),
            handshakes: 0,
            pending: false,
            inbox: Vec::new(),
            ratchets: Ratchets::new(limits),
        })
    }

    pub(crate) fn has_proposals(&self) -> bool {
        self.group.pending_proposals().next().is_some()
    }

    /// Restarts the client from its rows. If `orderly` is set, the client first stores the changes
    /// left behind by failed operations. The value of `orderly` must make no difference.
    pub(crate) fn restart(&mut self, cx: &Context<'_>, orderly: bool) -> Outcome {
        if orderly {
            self.group.take_delta().persist_to(&mut self.rows).unwrap();
            self.check_rows()?;
        }
        // Load the group completely, or open it lazily.
        self.group = if self.rows.len().is_multiple_of(2) {
            Group::load(&self.rows, cx)?
        } else {
            let rows: Rows = self.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect();
            Group::open(Arc::new(rows), cx)?
        };
        // Check the stored rows in about half of all restarts.
        if self.rows.len() % 4 < 2 { self.check_rows() } else { Ok(()) }
    }

    /// Checks that the stored rows equal the rows of the group.
    fn check_rows(&self) -> Outcome {
        let rows = self.group.rows()?;
        let differing = rows.iter().find(|(key, row)| self.rows.get(key) != Some(row)).map(|(key, _)| key);
        ensure(differing.is_none(), || format!("{differing:?} is not stored, or differs"))?;
        let kept = self.rows.keys().find(|key| !rows.contains_key(key));
        ensure(kept.is_none(), || format!("{kept:?} is stored, but the group does not have it"))?;
        let useless = rows.keys().find(|key| match key {
            RowKey::PrivateKey(node) => self.group.public().tree().encryption_key(*node).unwrap().is_none(),
            _ => false,
        });
        ensure(useless.is_none(), || format!("{useless:?} is the key of a blank node"))
    }
}

impl SimulatedClient {
    pub(crate) fn new(id: Id, suite: Suite, random: &mut Random) -> Outcome<Self> {
        let mut client = Self {
            id,
            config: config(random),
            signers: Vec::new(),
            bundles: Vec::new(),
            state: State::Outside,
            online: true,
            wanted: Vec::new(),
        };
        client.new_signer(suite, random)?;
        Ok(client)
    }

    /// Generates a new signature key without using it yet.
    pub(crate) fn new_signer(&mut self, suite: Suite, random: &mut Random) -> Outcome {
        let key = suite.signature_generate_key(random.rng())?;
        self.signers.push(suite.signer(&key)?);
        Ok(())
    }

    /// Drops all keys, so that the client can join a group with another cipher suite.
    pub(crate) fn change_suite(&mut self, suite: Suite, random: &mut Random) -> Outcome {
        self.signers.clear();
        self.bundles.clear();
        self.wanted.clear();
        self.new_signer(suite, random)
    }

    pub(crate) fn newest_signer(&self) -> &dyn Signer {
        &**self.signers.last().expect("a client has a signer")
    }

    /// Returns the signer for the client's leaf in a group.
    pub(crate) fn signer(&self, group: &Group) -> Outcome<&dyn Signer> {
        signer_of(&self.signers, group)
    }

    /// Publishes a KeyPackage.
    pub(crate) fn key_package(
        &mut self,
        suite: Suite,
        capable: bool,
        random: &mut Random,
    ) -> Outcome<KeyPackage> {
        let LeafTemplate { credential, capabilities, .. } = leaf(self.id, capable);
        let template = KeyPackageTemplate {
            credential,
            capabilities,
            lifetime: Lifetime { not_before: 0, not_after: 2 * NOW },
            leaf_extensions: Extensions::default(),
            extensions: Extensions::default(),
        };
        let bundle = KeyPackageBundle::new(suite, template, self.newest_signer(), random.rng())?;
        let key_package = bundle.key_package.clone();
        self.bundles.push(bundle);
        Ok(key_package)
    }

    /// Removes and returns the bundle that a Welcome is for.
    pub(crate) fn take_bundle(&mut self, is_it: impl Fn(&KeyPackage) -> bool) -> Outcome<KeyPackageBundle> {
        let position = self.bundles.iter().position(|bundle| is_it(&bundle.key_package));
        let position = position.ok_or_else(|| Failure(format!("no bundle of client {} fits", self.id)))?;
        Ok(self.bundles.swap_remove(position))
    }

    pub(crate) fn member(&self) -> Outcome<&Member> {
        match &self.state {
            State::Member(member) => Ok(member),
            _ => Err(Failure(format!("client {} is not a member", self.id))),
        }
    }

    pub(crate) fn member_mut(&mut self) -> Outcome<&mut Member> {
        match &mut self.state {
            State::Member(member) => Ok(member),
            _ => Err(Failure(format!("client {} is not a member", self.id))),
        }
    }

    /// Runs an operation with the client's group, context and newest signer, and stores its
    /// changes.
    pub(crate) fn act<T>(
        &mut self,
        psks: &Psks,
        what: impl FnOnce(&mut Group, &Context<'_>, &dyn Signer) -> Result<Unpersisted<T>, GroupError>,
    ) -> Outcome<T> {
        let State::Member(member) = &mut self.state else {
            return Err(Failure(format!("client {} is not a member", self.id)));
        };
        let newest = &**self.signers.last().expect("a client has a signer");
        let cx = context(signer_of(&self.signers, &member.group)?, psks, self.config);
        Ok(what(&mut member.group, &cx, newest)?.persist_to(&mut member.rows).unwrap())
    }

    /// Stops the client and restarts it from the stored rows.
    pub(crate) fn restart(&mut self, psks: &Psks, orderly: bool) -> Outcome {
        let State::Member(member) = &mut self.state else {
            return Err(Failure(format!("client {} is not a member", self.id)));
        };
        let signer = signer_of(&self.signers, &member.group)?;
        member.restart(&context(signer, psks, self.config), orderly)
    }

    /// Joins a group by a Welcome.
    pub(crate) fn accept(&mut self, invitation: &Invitation, psks: &Psks) -> Outcome {
        use pando_mls::{CryptoProvider, Decode, Welcome};
        let welcome = Welcome::decode(&invitation.welcome)?;
        let suite = RustCrypto.suite(welcome.cipher_suite).ok_or_else(|| Failure("no suite".to_owned()))?;
        let bundle = self.take_bundle(|key_package| {
            let reference = suite.key_package_ref(key_package);
            reference
                .is_ok_and(|reference| welcome.secrets.iter().any(|secrets| secrets.new_member == reference))
        })?;
        let signer = signer_with(&self.signers, &bundle.key_package.leaf_node.signature_key)?;
        let cx = context(signer, psks, self.config);
        let joined = Group::join(&welcome, &bundle, invitation.tree.as_deref(), &cx)
            .during(|| format!("client {} joins by a Welcome", self.id))?;
        self.state = State::Member(Member::new(joined, self.config.ratchet_limits));
        Ok(())
    }
}

/// Returns the signer for a client's leaf in a group.
fn signer_of<'a>(signers: &'a [Box<dyn Signer>], group: &Group) -> Outcome<&'a dyn Signer> {
    let key = group.public().tree().signature_key(group.own_leaf()).unwrap();
    signer_with(signers, &key.ok_or_else(|| Failure(format!("{} is blank", group.own_leaf())))?)
}

fn signer_with<'a>(signers: &'a [Box<dyn Signer>], key: &SignaturePublicKey) -> Outcome<&'a dyn Signer> {
    let signer = signers.iter().find(|signer| signer.public_key() == key);
    Ok(&**signer.ok_or_else(|| Failure("a client has lost its signer".to_owned()))?)
}

pub(crate) fn context<'a>(
    signer: &'a dyn Signer,
    psks: &'a dyn PskStore,
    config: GroupConfig,
) -> Context<'a> {
    CLIENT.at(NOW, signer).with_policy(POLICY).with_psks(psks).with_config(config)
}

/// Returns the leaf template of a client. The leaf supports the custom proposal and extension types
/// if `capable` is set.
pub(crate) fn leaf(id: Id, capable: bool) -> LeafTemplate {
    // The capabilities include GREASE, which has no effect.
    let mut capabilities = Capabilities {
        versions: vec![ProtocolVersion::MLS_10],
        cipher_suites: CipherSuite::ALL.to_vec(),
        extensions: vec![ExtensionType(0x1a1a)],
        proposals: vec![ProposalType(0x2a2a)],
        credentials: vec![CredentialType::BASIC],
    };
    if capable {
        capabilities.extensions.push(CUSTOM_EXTENSION);
        capabilities.proposals.push(CUSTOM_PROPOSAL);
    }
    LeafTemplate { credential: credential(id), capabilities, extensions: Extensions::default() }
}

/// Returns a random configuration for a client.
fn config(random: &mut Random) -> GroupConfig {
    let default = GroupConfig::default();
    let narrow = RatchetLimits::default().with_forward(20).with_backward(8);
    default
        .with_encrypt_handshakes(random.percent(50))
        .with_padding(if random.percent(50) { Padding::None } else { Padding::Padme })
        .with_ratchet_limits(if random.percent(50) { narrow } else { RatchetLimits::default() })
        .with_past_epochs(random.below(5))
        .with_past_resumption_psks(random.below(4))
}
