//! Clients with their groups and stores, and a delivery service that delivers all messages to all
//! clients in order.

use pando_mls::{
    BasicIdentities, Capabilities, CipherSuite, Client, CommitBuilder, CommitOutput, Context, Credential,
    CredentialType, CryptoProvider, Decode, Encode, ExtensionType, Extensions, ExternalJoin, Group,
    GroupConfig, GroupContext, GroupError, GroupId, GroupInfo, IdentityPolicy, KeyPackage, KeyPackageBundle,
    KeyPackageTemplate, LeafIndex, LeafTemplate, Lifetime, MlsMessage, NewLeaf, Processed, Proposal,
    ProposalType, ProtocolVersion, Psk, PskStore, PskValue, Rows, RustCrypto, Signer, SourceError, Staged,
    Suite, Tree, Unpersisted, Welcome,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::sync::Arc;
use std::sync::LazyLock;

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::default().with_rules(pando_mls::AdmitAll));

pub(crate) const NOW: u64 = 1_000;

/// A PSK store that contains every PSK. The value of a PSK consists of its identifier, twice.
pub(crate) struct AllPsks;

impl PskStore for AllPsks {
    fn external(&self, psk_id: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(Some([psk_id, psk_id].concat().into()))
    }

    fn resumption(&self, _: &GroupId, _: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }
}

/// A PSK store that returns the resumption PSKs of the same group for any group.
pub(crate) struct PsksOfGroup<'a>(pub(crate) &'a Group);

impl PskStore for PsksOfGroup<'_> {
    fn external(&self, _: &[u8]) -> Result<Option<PskValue>, SourceError> {
        Ok(None)
    }

    fn resumption(&self, _: &GroupId, epoch: u64) -> Result<Option<PskValue>, SourceError> {
        Ok(self.0.resumption_psk(epoch))
    }
}

/// Returns the context of a client that has all PSKs and accepts all identities.
pub(crate) fn client(signer: &dyn Signer) -> Context<'_> {
    let config = GroupConfig::default();
    CLIENT.at(NOW, signer).with_psks(&AllPsks).with_config(config)
}

/// Encodes and decodes a message, as if it were sent over a network.
pub(crate) fn over_the_wire(message: &MlsMessage) -> MlsMessage {
    MlsMessage::decode(&message.encode().unwrap()).unwrap()
}

pub(crate) fn template() -> KeyPackageTemplate {
    KeyPackageTemplate {
        credential: Credential::Basic { identity: b"somebody".as_slice().into() },
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS_10],
            cipher_suites: CipherSuite::ALL.to_vec(),
            // The first type is GREASE, which has no effect.
            extensions: vec![ExtensionType(0x1a1a), ExtensionType(0xf0f0)],
            proposals: vec![ProposalType(0xf001), ProposalType(0x2a2a)],
            credentials: vec![CredentialType::BASIC],
        },
        lifetime: Lifetime { not_before: 0, not_after: 2 * NOW },
        leaf_extensions: Extensions::default(),
        extensions: Extensions::default(),
    }
}

pub(crate) fn leaf_template() -> LeafTemplate {
    let KeyPackageTemplate { credential, capabilities, .. } = template();
    LeafTemplate { credential, capabilities, extensions: Extensions::default() }
}

pub(crate) fn suite(number: u16) -> Suite {
    RustCrypto.suite(CipherSuite(number)).unwrap()
}

/// Returns a signer for a cipher suite. The signer's key is always the same.
pub(crate) fn signer_of(suite: Suite) -> Box<dyn Signer> {
    let mut rng = ChaCha20Rng::seed_from_u64(suite.cipher_suite().0.into());
    suite.signer(&suite.signature_generate_key(&mut rng).unwrap()).unwrap()
}

/// Returns all seven cipher suites.
pub(crate) fn suites() -> impl Iterator<Item = Suite> {
    CipherSuite::ALL.into_iter().map(|id| suite(id.0))
}

/// Returns only the fast cipher suites, for long scenarios.
pub(crate) fn fast_suites() -> impl Iterator<Item = Suite> {
    [1, 2, 3].into_iter().map(suite)
}

pub(crate) fn external_psk(name: u8) -> Psk {
    Psk::External { psk_id: vec![name].into() }
}

/// A client that is not in a group yet.
pub(crate) struct Newcomer {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) bundle: KeyPackageBundle,
}

impl Newcomer {
    pub(crate) fn new(suite: Suite, template: KeyPackageTemplate, rng: &mut ChaCha20Rng) -> Self {
        let signer = suite.signer(&suite.signature_generate_key(rng).unwrap()).unwrap();
        Self { bundle: KeyPackageBundle::new(suite, template, &*signer, rng).unwrap(), signer }
    }

    pub(crate) fn create(self, config: GroupConfig, rng: &mut ChaCha20Rng) -> Member {
        let Self { signer, bundle } = self;
        let id = GroupId::from(b"group".as_slice());
        let cx = client(&*signer).with_config(config);
        let created = Group::builder(id).build(bundle, &cx, rng).unwrap();
        Member::new(signer, created)
    }

    pub(crate) fn join(
        self,
        welcome: &Welcome,
        tree: Option<&[u8]>,
        config: GroupConfig,
    ) -> Result<Member, GroupError> {
        let Self { signer, bundle } = self;
        let joined = Group::join(welcome, &bundle, tree, &client(&*signer).with_config(config))?;
        Ok(Member::new(signer, joined))
    }

    /// Joins a successor of a group that the client is a member of.
    pub(crate) fn join_successor(self, welcome: &Welcome, old: &Member) -> Result<Member, GroupError> {
        let Self { signer, bundle } = self;
        let joined = old.group.join_successor(welcome, &bundle, None, &client(&*signer))?;
        Ok(Member::new(signer, joined))
    }

    pub(crate) fn key_package(&self) -> KeyPackage {
        self.bundle.key_package.clone()
    }
}

/// A client in the group, together with its store.
pub(crate) struct Member {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) group: Group,
    pub(crate) rows: Rows,
}

impl Member {
    pub(crate) fn new(signer: Box<dyn Signer>, group: Unpersisted<Group>) -> Self {
        let mut rows = Rows::new();
        let group = group.persist_to(&mut rows).unwrap();
        Self { signer, group, rows }
    }

    pub(crate) fn leaf(&self) -> LeafIndex {
        self.group.own_leaf()
    }

    /// Checks that the stored rows are complete and that they restore the group.
    pub(crate) fn check_store(&mut self) {
        // Store the changes left behind by failed operations and dropped Commits.
        self.group.take_delta().persist_to(&mut self.rows).unwrap();
        assert_eq!(self.rows, self.group.rows().unwrap());
        let loaded =
            Group::load(&self.rows, &client(&*self.signer).with_config(*self.group.config())).unwrap();
        assert_eq!(loaded.rows().unwrap(), self.rows);
        assert_eq!(self.opened().rows().unwrap(), self.rows);
    }

    /// Returns the group, loaded lazily from its rows. No tree nodes are in memory.
    fn opened(&self) -> Group {
        let rows: Rows = self.rows.iter().map(|(key, row)| (*key, row.expose().into())).collect();
        let cx = client(&*self.signer).with_config(*self.group.config());
        Group::open(Arc::new(rows), &cx).unwrap()
    }

    /// Stops the client and restarts it from its stored rows.
    pub(crate) fn restart(&mut self) {
        self.check_store();
        self.group = self.opened();
    }

    pub(crate) fn process(&mut self, message: &MlsMessage) -> Result<Processed, GroupError> {
        self.process_with(message, &BasicIdentities)
    }

    pub(crate) fn process_with(
        &mut self,
        message: &MlsMessage,
        policy: &dyn IdentityPolicy,
    ) -> Result<Processed, GroupError> {
        let cx = client(&*self.signer).with_policy(policy);
        Ok(self.group.process(over_the_wire(message), &cx)?.persist_to(&mut self.rows).unwrap())
    }

    /// Creates a Commit that is not delivered yet.
    pub(crate) fn build(
        &mut self,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
        rng: &mut ChaCha20Rng,
    ) -> Result<(MlsMessage, Option<Welcome>), GroupError> {
        let output = fill(self.group.commit()).build(&client(&*self.signer), rng)?;
        let CommitOutput { message, welcome, .. } = output.persist_to(&mut self.rows).unwrap();
        Ok((message, welcome))
    }

    /// Merges another member's Commit. If our own pending Commit has thereby lost, returns its
    /// proposals.
    pub(crate) fn merge(&mut self, staged: Staged) -> Vec<Proposal> {
        self.group.merge(staged).unwrap().persist_to(&mut self.rows).unwrap()
    }

    pub(crate) fn merge_pending(&mut self) {
        self.group.merge_pending().unwrap().persist_to(&mut self.rows).unwrap();
    }

    /// Acknowledges all messages in the outbox, as if the delivery service had received them.
    pub(crate) fn acknowledge_all(&mut self) {
        let waiting: Vec<_> = self.group.outbox().map(|(id, _)| id).collect();
        for id in waiting {
            self.group.acknowledge(id).persist_to(&mut self.rows).unwrap();
        }
    }

    pub(crate) fn clear_pending(&mut self) -> Vec<Proposal> {
        let (lost, delta) = self.group.clear_pending().into_parts();
        delta.apply(&mut self.rows).unwrap();
        lost
    }

    /// Merges a Commit. Returns whether it was our own Commit.
    pub(crate) fn follow(&mut self, message: &MlsMessage) -> bool {
        match self.process(message).unwrap() {
            Processed::OwnCommit => self.merge_pending(),
            Processed::Commit(staged) => {
                assert_eq!(staged.removes_me(), staged.removed().contains(&self.leaf()));
                self.merge(*staged);
                return false;
            }
            other => panic!("not a Commit: {other:?}"),
        }
        true
    }

    pub(crate) fn propose(
        &mut self,
        proposal: Proposal,
        rng: &mut ChaCha20Rng,
    ) -> Result<MlsMessage, GroupError> {
        let message = self.group.propose(proposal, b"", &client(&*self.signer), rng)?;
        Ok(message.persist_to(&mut self.rows).unwrap())
    }

    pub(crate) fn propose_update(&mut self, rng: &mut ChaCha20Rng) -> Result<MlsMessage, GroupError> {
        let message = self.group.propose_update(None, b"", &client(&*self.signer), rng)?;
        Ok(message.persist_to(&mut self.rows).unwrap())
    }

    pub(crate) fn send(&mut self, data: &[u8], rng: &mut ChaCha20Rng) -> Result<MlsMessage, GroupError> {
        let message = self.group.encrypt(data, &client(&*self.signer), rng)?;
        Ok(message.persist_to(&mut self.rows).unwrap())
    }

    /// Runs any other operation on the group, with the usual or another context, and stores its
    /// changes.
    pub(crate) fn operate<T>(
        &mut self,
        operation: impl FnOnce(&mut Group, Context<'_>) -> Result<Unpersisted<T>, GroupError>,
    ) -> Result<T, GroupError> {
        Ok(operation(&mut self.group, client(&*self.signer))?.persist_to(&mut self.rows).unwrap())
    }

    /// Creates a Commit that changes our leaf and is not delivered yet.
    pub(crate) fn build_leaf(
        &mut self,
        new_leaf: NewLeaf<'_>,
        policy: &dyn IdentityPolicy,
        rng: &mut ChaCha20Rng,
    ) -> Result<MlsMessage, GroupError> {
        self.operate(|group, cx| {
            let output = group.commit().new_leaf(new_leaf).build(&cx.with_policy(policy), rng)?;
            Ok(output.map(|output| output.message))
        })
    }

    /// Proposes an Update that changes our leaf.
    pub(crate) fn propose_leaf(
        &mut self,
        new_leaf: NewLeaf<'_>,
        policy: &dyn IdentityPolicy,
        rng: &mut ChaCha20Rng,
    ) -> Result<MlsMessage, GroupError> {
        self.operate(|group, cx| group.propose_update(Some(new_leaf), b"", &cx.with_policy(policy), rng))
    }

    pub(crate) fn pending_proposals(&self) -> Vec<Proposal> {
        self.group.pending_proposals().map(|pending| pending.proposal.clone()).collect()
    }

    pub(crate) fn group_info(&self, with_tree: bool) -> GroupInfo {
        let builder = self.group.group_info();
        let builder = if with_tree { builder } else { builder.without_tree() };
        builder.build(&client(&*self.signer)).unwrap()
    }
}

/// A group with its members, and the settings and randomness for further operations.
pub(crate) struct GroupFixture {
    pub(crate) suite: Suite,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) config: GroupConfig,
    pub(crate) members: Vec<Member>,
}

impl GroupFixture {
    /// Returns a group with a single member.
    pub(crate) fn new(suite: Suite) -> Self {
        Self::with_config(suite, GroupConfig::default())
    }

    /// Returns a group that sends its handshake messages as PublicMessages.
    pub(crate) fn public(suite: Suite) -> Self {
        Self::with_config(suite, GroupConfig::default().with_encrypt_handshakes(false))
    }

    pub(crate) fn with_config(suite: Suite, config: GroupConfig) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(suite.cipher_suite().0.into());
        let creator = Newcomer::new(suite, template(), &mut rng).create(config, &mut rng);
        Self { suite, rng, config, members: vec![creator] }
    }

    /// Returns a group with `members` members. The first member adds the others by one Commit.
    pub(crate) fn of(suite: Suite, members: usize) -> Self {
        let mut fixture = Self::new(suite);
        fixture.add(0, members - 1);
        fixture
    }

    pub(crate) fn newcomer(&mut self) -> Newcomer {
        Newcomer::new(self.suite, template(), &mut self.rng)
    }

    /// Returns a client whose KeyPackage template is modified by `change`.
    pub(crate) fn newcomer_with(&mut self, change: impl FnOnce(&mut KeyPackageTemplate)) -> Newcomer {
        let mut template = template();
        change(&mut template);
        Newcomer::new(self.suite, template, &mut self.rng)
    }

    /// Returns a signer with a new signature key.
    pub(crate) fn signer(&mut self) -> Box<dyn Signer> {
        self.suite.signer(&self.suite.signature_generate_key(&mut self.rng).unwrap()).unwrap()
    }

    /// Adds a member that joins by a Welcome, and checks that all members agree.
    pub(crate) fn enter(&mut self, newcomer: Newcomer, welcome: &Welcome) {
        self.members.push(newcomer.join(welcome, None, self.config).unwrap());
        self.agree();
    }

    /// Returns the first member's GroupContext.
    pub(crate) fn context(&self) -> &GroupContext {
        self.members[0].group.public().context()
    }

    pub(crate) fn tree(&self) -> &Tree {
        self.members[0].group.public().tree()
    }

    pub(crate) fn leaf(&self, index: usize) -> LeafIndex {
        self.members[index].leaf()
    }

    /// Returns the position in `members` of the member at the given leaf.
    pub(crate) fn at(&self, leaf: u32) -> usize {
        self.members.iter().position(|member| member.leaf() == LeafIndex(leaf)).unwrap()
    }

    /// Creates a Commit that is not delivered yet.
    pub(crate) fn build(
        &mut self,
        by: usize,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<(MlsMessage, Option<Welcome>), GroupError> {
        self.members[by].build(fill, &mut self.rng)
    }

    /// Creates a Commit that all members merge, and drops the members that it removes.
    pub(crate) fn commit(
        &mut self,
        by: usize,
        fill: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> (MlsMessage, Option<Welcome>) {
        let (message, welcome) = self.build(by, fill).unwrap();
        self.deliver_commit(by, &message);
        (message, welcome)
    }

    /// Merges a Commit of the member at `by` for all members. Returns the members that it removes.
    pub(crate) fn deliver_commit(&mut self, by: usize, message: &MlsMessage) -> Vec<Member> {
        for (index, member) in self.members.iter_mut().enumerate() {
            assert_eq!(member.follow(message), index == by);
        }
        let (active, gone) = self.members.drain(..).partition(|member| member.group.is_active());
        self.members = active;
        self.agree();
        gone
    }

    /// Adds `count` members by one Commit.
    pub(crate) fn add(&mut self, by: usize, count: usize) {
        let newcomers: Vec<_> = (0..count).map(|_| self.newcomer()).collect();
        let (_, welcome) = self.commit(by, |builder| {
            newcomers
                .iter()
                .fold(builder, |builder, newcomer| builder.add(newcomer.bundle.key_package.clone()))
        });
        let Some(welcome) = welcome else { return };
        for newcomer in newcomers {
            self.members.push(newcomer.join(&welcome, None, self.config).unwrap());
        }
        self.members[by].acknowledge_all();
        self.agree();
    }

    /// Removes a member by a Commit of another member, and returns the removed member.
    pub(crate) fn remove(&mut self, by: usize, removed: usize) -> Member {
        let leaf = self.leaf(removed);
        let (message, _) = self.build(by, |builder| builder.remove(leaf)).unwrap();
        self.deliver_commit(by, &message).pop().unwrap()
    }

    /// Delivers a proposal to all members but its sender.
    pub(crate) fn deliver_proposal(&mut self, by: usize, message: &MlsMessage) {
        for (index, member) in self.members.iter_mut().enumerate() {
            if index != by {
                assert!(matches!(member.process(message).unwrap(), Processed::Proposal(_)));
            }
        }
    }

    pub(crate) fn propose(&mut self, by: usize, proposal: Proposal) {
        let message = self.members[by].propose(proposal, &mut self.rng).unwrap();
        self.deliver_proposal(by, &message);
    }

    /// Delivers a proposal of a type that the member at `unaware` does not support to all members.
    /// The sender can create it because a Remove of that member is pending for the sender. This
    /// Remove is not delivered.
    pub(crate) fn propose_unsupported(&mut self, by: usize, unaware: LeafIndex, proposal: Proposal) {
        let rng = &mut self.rng;
        let removal = Proposal::Remove(pando_mls::wire::Remove { removed: unaware });
        let member = &mut self.members[by];
        member.propose(removal.clone(), rng).unwrap();
        let message = member.propose(proposal, rng).unwrap();
        let pending = member.group.pending_proposals().find(|pending| pending.proposal == removal);
        let reference = pending.unwrap().reference.clone();
        member.operate(|group, _| group.withdraw_proposal(&reference)).unwrap();
        self.deliver_proposal(by, &message);
    }

    pub(crate) fn propose_update(&mut self, by: usize) {
        let message = self.members[by].propose_update(&mut self.rng).unwrap();
        self.deliver_proposal(by, &message);
    }

    pub(crate) fn send(&mut self, by: usize, data: &[u8]) -> MlsMessage {
        self.members[by].send(data, &mut self.rng).unwrap()
    }

    /// Checks that all members but the sender can read a message.
    pub(crate) fn chat(&mut self, by: usize) {
        let (message, leaf) = (self.send(by, b"hello"), self.leaf(by));
        for (index, member) in self.members.iter_mut().enumerate() {
            if index != by {
                assert_eq!(read(member.process(&message)), (leaf, b"hello".to_vec()));
            }
        }
    }

    /// Adds a member that joins by an external Commit with a GroupInfo of the first member. Drops
    /// the members that the Commit removes.
    pub(crate) fn join_external(&mut self, resync: Option<LeafIndex>, psks: Vec<Psk>) {
        let newcomer = self.newcomer();
        let group_info = self.members[0].group_info(true);
        let (member, message) = self.external(newcomer, &group_info, None, resync, psks).unwrap();
        self.deliver_commit(usize::MAX, &message);
        self.members.push(member);
        self.agree();
    }

    /// Creates an external Commit that is accepted but not delivered yet.
    pub(crate) fn external(
        &mut self,
        newcomer: Newcomer,
        group_info: &GroupInfo,
        tree: Option<&[u8]>,
        resync: Option<LeafIndex>,
        psks: Vec<Psk>,
    ) -> Result<(Member, MlsMessage), GroupError> {
        let join = ExternalJoin::new(group_info, leaf_template()).tree(tree).replace_leaf(resync).psks(psks);
        let cx = client(&*newcomer.signer).with_config(self.config);
        let mut rows = Rows::new();
        let (group, message) = join.build(&cx, &mut self.rng)?.persist_to(&mut rows).unwrap();
        let mut member = Member { signer: newcomer.signer, group, rows };
        member.check_store();
        member.merge_pending();
        Ok((member, message))
    }

    /// Creates an external Commit that has not been accepted yet.
    pub(crate) fn pending_join(&mut self, newcomer: Newcomer, group_info: &GroupInfo) -> Member {
        let (template, psks) = (leaf_template(), vec![]);
        let join = ExternalJoin::new(group_info, template).psks(psks);
        let cx = client(&*newcomer.signer).with_config(self.config);
        let joined = join.build(&cx, &mut self.rng).unwrap();
        Member::new(newcomer.signer, joined.map(|(group, _)| group))
    }

    /// Checks that all members have the same view of the group and share its secrets.
    pub(crate) fn agree(&mut self) {
        self.members.iter_mut().for_each(Member::check_store);
        let first = &self.members[0].group;
        let exported = first.export("label", b"context", 32).unwrap();
        for Member { group, .. } in &self.members {
            assert_eq!(group.public().context(), first.public().context());
            assert_eq!(group.public().tree().to_wire(), first.public().tree().to_wire());
            assert_eq!(group.epoch_authenticator(), first.epoch_authenticator());
            assert_eq!(group.export("label", b"context", 32).unwrap(), exported);
        }
    }
}

/// Returns the sender and the data of a message, which must be readable.
pub(crate) fn read(processed: Result<Processed, GroupError>) -> (LeafIndex, Vec<u8>) {
    match processed.unwrap() {
        Processed::Application { sender, data, .. } => (sender, data.to_vec()),
        other => panic!("not a message: {other:?}"),
    }
}
