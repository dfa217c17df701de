//! Clients, their groups, and a delivery service that delivers everything to everybody in order.

use pando_crypto::{CryptoProvider, RustCrypto, Signer, Suite};
use pando_group::{
    BasicIdentities, CommitBuilder, CommitOutput, ExternalJoin, Group, GroupConfig, GroupError,
    KeyPackageBundle, KeyPackageTemplate, Processed, PskStore,
};
use pando_schedule::PskValue;
use pando_tree::LeafTemplate;
use pando_wire::{
    Capabilities, CipherSuite, Credential, CredentialType, Decode, Encode, Extensions, GroupId, LeafIndex,
    Lifetime, MlsMessage, ProposalType, ProtocolVersion, Psk,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) const POLICY: &BasicIdentities = &BasicIdentities;
pub(crate) const NOW: u64 = 1_000;

pub(crate) struct Client {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) group: Group,
}

pub(crate) struct World {
    pub(crate) suite: Suite,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) config: GroupConfig,
    /// Everybody who is a member.
    pub(crate) clients: Vec<Client>,
}

/// Everybody has these PSKs: every identifier is known, and the value is the identifier twice.
pub(crate) struct AllPsks;

impl PskStore for AllPsks {
    fn external(&self, psk_id: &[u8]) -> Option<PskValue> {
        Some([psk_id, psk_id].concat().into())
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Option<PskValue> {
        None
    }
}

pub(crate) fn template() -> KeyPackageTemplate {
    KeyPackageTemplate {
        credential: Credential::Basic { identity: b"somebody".as_slice().into() },
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: CipherSuite::ALL.to_vec(),
            // GREASE, which nobody minds.
            extensions: vec![pando_wire::ExtensionType(0x1a1a)],
            proposals: vec![ProposalType(0xf001), ProposalType(0x2a2a)],
            credentials: vec![CredentialType::BASIC],
        },
        lifetime: Lifetime { not_before: 0, not_after: 2 * NOW },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    }
}

/// All cipher suites.
pub(crate) fn suites() -> impl Iterator<Item = Suite> {
    CipherSuite::ALL.into_iter().map(|id| RustCrypto.suite(id).unwrap())
}

pub(crate) fn external_psk(name: u8) -> Psk {
    Psk::External { psk_id: vec![name].into() }
}

/// What goes over the network.
pub(crate) fn over_the_wire(message: &MlsMessage) -> MlsMessage {
    MlsMessage::decode(&message.encode().unwrap()).unwrap()
}

impl World {
    /// A group with a single member.
    pub(crate) fn new(suite: Suite) -> Self {
        Self::with_config(suite, GroupConfig::default())
    }

    /// A group that sends its handshakes in public.
    pub(crate) fn public(suite: Suite) -> Self {
        Self::with_config(suite, GroupConfig { encrypt_handshakes: false, ..GroupConfig::default() })
    }

    fn with_config(suite: Suite, config: GroupConfig) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(suite.cipher_suite().0.into());
        let (bundle, signer) = new_client(suite, template(), &mut rng);
        let (group_id, extensions) = (GroupId::from(b"group".as_slice()), Extensions::default());
        let group = Group::create(suite, group_id, extensions, bundle, config, POLICY, &mut rng).unwrap();
        Self { suite, rng, config, clients: vec![Client { signer, group }] }
    }

    /// A group of `members`, all of whom the first one has added in one Commit.
    pub(crate) fn of(suite: Suite, members: usize) -> Self {
        let mut world = Self::new(suite);
        world.add(0, members - 1);
        world
    }

    pub(crate) fn first() -> Suite {
        suites().next().unwrap()
    }

    pub(crate) fn newcomer(&mut self) -> (KeyPackageBundle, Box<dyn Signer>) {
        new_client(self.suite, template(), &mut self.rng)
    }

    /// Makes a Commit that is not delivered yet.
    pub(crate) fn build(
        &mut self,
        by: usize,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<CommitOutput, GroupError> {
        let client = &mut self.clients[by];
        fill(client.group.commit()).build(&*client.signer, &AllPsks, POLICY, Some(NOW), &mut self.rng)
    }

    /// Makes a Commit, and everybody merges it. Those whom it removes go.
    pub(crate) fn commit(
        &mut self,
        by: usize,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> CommitOutput {
        let output = self.build(by, fill).unwrap();
        self.deliver_commit(by, &output.message);
        output
    }

    pub(crate) fn deliver_commit(&mut self, by: usize, message: &MlsMessage) {
        for index in 0..self.clients.len() {
            assert_eq!(self.follow(index, message), index == by);
        }
        self.clients.retain(|client| client.group.is_active());
        self.agree();
    }

    /// Enters the epoch of a Commit, and tells whether it was one's own.
    pub(crate) fn follow(&mut self, index: usize, message: &MlsMessage) -> bool {
        let processed = self.process(index, message).unwrap();
        let group = &mut self.clients[index].group;
        match processed {
            Processed::OwnCommit => group.merge_pending().map(|()| true).unwrap(),
            Processed::Commit(staged) => group.merge(*staged).map(|_| false).unwrap(),
            other => panic!("not a Commit: {other:?}"),
        }
    }

    pub(crate) fn process(&mut self, index: usize, message: &MlsMessage) -> Result<Processed, GroupError> {
        self.clients[index].group.process(over_the_wire(message), &AllPsks, POLICY, Some(NOW))
    }

    /// One member adds some others.
    pub(crate) fn add(&mut self, by: usize, count: usize) {
        let newcomers: Vec<_> = (0..count).map(|_| self.newcomer()).collect();
        let output = self.commit(by, |builder| {
            newcomers.iter().fold(builder, |builder, (bundle, _)| builder.add(bundle.key_package.clone()))
        });
        let Some(welcome) = output.welcome else { return };
        for (bundle, signer) in newcomers {
            let group =
                Group::join(self.suite, &welcome, bundle, None, &AllPsks, POLICY, self.config).unwrap();
            self.clients.push(Client { signer, group });
        }
        self.agree();
    }

    pub(crate) fn remove(&mut self, by: usize, removed: usize) {
        let leaf = self.leaf(removed);
        self.commit(by, |builder| builder.remove(leaf));
    }

    pub(crate) fn leaf(&self, index: usize) -> LeafIndex {
        self.clients[index].group.own_leaf()
    }

    /// Everybody takes a proposal but the one who made it.
    pub(crate) fn deliver_proposal(&mut self, by: usize, message: &MlsMessage) {
        for index in (0..self.clients.len()).filter(|index| *index != by) {
            assert!(matches!(self.process(index, message).unwrap(), Processed::Proposal(_)));
        }
    }

    pub(crate) fn propose_update(&mut self, by: usize) {
        let client = &mut self.clients[by];
        let message = client.group.propose_update(&*client.signer, POLICY, &mut self.rng).unwrap();
        self.deliver_proposal(by, &message);
    }

    pub(crate) fn send(&mut self, by: usize, data: &[u8]) -> MlsMessage {
        let client = &mut self.clients[by];
        client.group.encrypt(data, b"", &*client.signer, &mut self.rng).unwrap()
    }

    /// Everybody but the sender can read a message.
    pub(crate) fn chat(&mut self, by: usize) {
        let (message, leaf) = (self.send(by, b"hello"), self.leaf(by));
        for index in (0..self.clients.len()).filter(|index| *index != by) {
            match self.process(index, &message).unwrap() {
                Processed::Application { sender, data, .. } => {
                    assert_eq!((sender, &*data), (leaf, b"hello".as_slice()));
                }
                other => panic!("not a message: {other:?}"),
            }
        }
    }

    /// Somebody joins by an external Commit, with the help of the first member.
    pub(crate) fn join_external(&mut self, resync: Option<LeafIndex>, psks: Vec<Psk>) {
        let (_, signer) = self.newcomer();
        let helper = &self.clients[0];
        let group_info = helper.group.group_info(true, &*helper.signer).unwrap();
        let (group, message) = self.external(&group_info, None, &*signer, resync, psks).unwrap();
        for index in 0..self.clients.len() {
            assert!(!self.follow(index, &message));
        }
        self.clients.retain(|client| client.group.is_active());
        self.clients.push(Client { signer, group });
        self.agree();
    }

    pub(crate) fn external(
        &mut self,
        group_info: &pando_wire::GroupInfo,
        tree: Option<&[u8]>,
        signer: &dyn Signer,
        resync: Option<LeafIndex>,
        psks: Vec<Psk>,
    ) -> Result<(Group, MlsMessage), GroupError> {
        let KeyPackageTemplate { credential, capabilities, .. } = template();
        let template = LeafTemplate { credential, capabilities, extensions: Extensions::default() };
        let join = ExternalJoin { group_info, tree, template, resync, psks };
        join.build(self.suite, signer, &AllPsks, POLICY, self.config, &mut self.rng)
    }

    /// All members see the same group and share its secrets.
    pub(crate) fn agree(&self) {
        let first = &self.clients[0].group;
        let exported = first.export("label", b"context", 32).unwrap();
        for Client { group, .. } in &self.clients {
            assert_eq!(group.public().context(), first.public().context());
            assert_eq!(group.public().tree().to_wire(), first.public().tree().to_wire());
            assert_eq!(group.epoch_authenticator(), first.epoch_authenticator());
            assert_eq!(group.export("label", b"context", 32).unwrap(), exported);
        }
    }
}

pub(crate) fn new_client(
    suite: Suite,
    template: KeyPackageTemplate,
    rng: &mut ChaCha20Rng,
) -> (KeyPackageBundle, Box<dyn Signer>) {
    let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
    (KeyPackageBundle::new(suite, template, &*signer, rng).unwrap(), signer)
}
