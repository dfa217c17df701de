//! The group in which our member runs the operations, together with its other members.

use crate::group_fixture::{self, GroupFixture, Newcomer, over_the_wire, template};
use crate::make;
use crate::names::Names;
use crate::store::{Store, copy};
use pando_mls::{
    AdmitAll, CommitBuilder, Context, Created, Credential, Delta, Extensions, Group, GroupConfig, GroupError,
    GroupRules, KeyPackage, KeyPackageBundle, KeyPackageTemplate, LeafIndex, LeafTemplate, MlsMessage,
    NewLeaf, Processed, Proposal, Rows, Signer, Staged, Successor, Suite, Unpersisted, Welcome,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The leaf of our member, whose group is opened.
pub(crate) const OWN: LeafIndex = LeafIndex(4);
/// The leaf of the member that creates Commits and proposals.
pub(crate) const OTHER: LeafIndex = LeafIndex(10);
/// The leaf of a member that is removed and that sends Updates.
pub(crate) const THIRD: LeafIndex = LeafIndex(8);
/// The leaf of a member that was removed after it had sent a message.
const GONE: LeafIndex = LeafIndex(7);
/// A leaf that has not changed since its member sent a message.
const SILENT: LeafIndex = LeafIndex(1);

/// A member, represented by its stored rows.
pub(crate) struct Stored {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) rows: Rows,
}

/// The arguments of the operations.
pub(crate) struct Fixture {
    pub(crate) suite: Suite,
    pub(crate) own: Stored,
    other: Stored,
    third: Stored,
    /// The credentials of all members, keyed by leaf.
    names: BTreeMap<LeafIndex, Credential>,
    /// Clients that can join.
    pub(crate) newcomers: Vec<Newcomer>,
    /// A client that is already a member, but with different keys.
    pub(crate) double: Newcomer,
    /// A signature key that no client has yet.
    pub(crate) new_signer: Box<dyn Signer>,
    pub(crate) server: Box<dyn Signer>,
    /// An application message of a past epoch, from a member whose leaf has not changed since. The
    /// next field is a message from a removed member.
    pub(crate) late_of_silent: MlsMessage,
    pub(crate) late_of_gone: MlsMessage,
    /// The Welcome to a group that branched off in a past epoch.
    pub(crate) old_branch: Welcome,
}

pub(crate) fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

pub(crate) fn config(encrypt_handshakes: bool) -> GroupConfig {
    GroupConfig::default().with_encrypt_handshakes(encrypt_handshakes)
}

fn named(number: u32) -> Credential {
    Credential::Basic { identity: number.to_be_bytes().as_slice().into() }
}

fn newcomer(group: &mut GroupFixture, number: u32) -> Newcomer {
    group.newcomer_with(|template| template.credential = named(number))
}

/// Returns a bundle that depends only on the credential and the signer.
fn bundle(suite: Suite, credential: Credential, signer: &dyn Signer) -> KeyPackageBundle {
    let Credential::Basic { identity } = &credential else { panic!("{credential:?}") };
    let mut seed = [1; 32];
    seed[..identity.len()].copy_from_slice(identity);
    let template = KeyPackageTemplate { credential, ..template() };
    KeyPackageBundle::new(suite, template, signer, &mut ChaCha20Rng::from_seed(seed)).unwrap()
}

impl Fixture {
    /// Returns a group whose tree has 16 leaves, with blank leaves in several places, blank parents
    /// and unmerged leaves. The group also has an index of clients and past epochs.
    pub(crate) fn new() -> Self {
        let suite = group_fixture::suite(1);
        let mut group = GroupFixture::new(suite);
        let others: Vec<_> = (1..13).map(|number| newcomer(&mut group, number)).collect();
        let (_, welcome) = group.commit(0, |builder| {
            others.iter().fold(builder, |builder, other| builder.add(other.key_package()))
        });
        for other in others {
            group.members.push(other.join(welcome.as_ref().unwrap(), None, group.config).unwrap());
        }
        for leaf in [0, 2, 4, 5, 7, 8, 10, 12] {
            let by = group.at(leaf);
            group.commit(by, |builder| builder);
        }
        let by = group.at(8);
        group.commit(by, |builder| {
            [3, 6, 9].into_iter().fold(builder, |builder, leaf| builder.remove(LeafIndex(leaf)))
        });
        let server = group.signer();
        let senders = make::external_senders(&[&*server]);
        for leaf in [12, 7, 5] {
            let by = group.at(leaf);
            group.commit(by, |builder| builder.extensions(senders.clone()));
        }
        // Create messages that will belong to past epochs.
        let (silent, gone) = (group.at(SILENT.0), group.at(GONE.0));
        let late_of_silent = group.send(silent, b"late");
        let late_of_gone = group.send(gone, b"late");
        let names = names(&group);
        let (own, other) = (group.at(OWN.0), &group.members[group.at(OTHER.0)]);
        let own = bundle(suite, names[&OWN].clone(), &*group.members[own].signer).key_package;
        let creator = bundle(suite, names[&OTHER].clone(), &*other.signer);
        let successor = Successor::new(creator, vec![own]);
        let old_branch = branch(&other.group, successor, &group_fixture::client(&*other.signer)).unwrap();
        let old_branch = old_branch.assume_persisted().welcome.unwrap();
        group.remove(0, gone);
        let back = newcomer(&mut group, 20);
        group.commit(0, |builder| builder.add(back.key_package()).without_path());
        assert!(group.tree().is_member(LeafIndex(3)).unwrap());

        let names = self::names(&group);
        let newcomers = (30..36).map(|number| newcomer(&mut group, number)).collect();
        let double = newcomer(&mut group, 12);
        let new_signer = group.signer();
        let mut stored = |leaf: LeafIndex| {
            let at = group.at(leaf.0);
            let member = group.members.remove(at);
            let mut rows = member.rows;
            let cx = group_fixture::client(&*member.signer).with_policy(&Names);
            Group::load(&rows, &cx).unwrap().take_delta().persist_to(&mut rows).unwrap();
            Stored { signer: member.signer, rows }
        };
        let (own, other, third) = (stored(OWN), stored(OTHER), stored(THIRD));
        Self {
            suite,
            own,
            other,
            third,
            names,
            newcomers,
            double,
            new_signer,
            server,
            late_of_silent,
            late_of_gone,
            old_branch,
        }
    }

    /// Returns a template with the contents of a member's leaf.
    pub(crate) fn leaf_template(&self, leaf: LeafIndex) -> LeafTemplate {
        LeafTemplate { credential: self.names[&leaf].clone(), ..group_fixture::leaf_template() }
    }

    /// Returns our leaf's contents with a new signature key.
    pub(crate) fn new_leaf(&self) -> NewLeaf<'_> {
        NewLeaf { template: self.leaf_template(OWN), signer: &*self.new_signer }
    }

    pub(crate) fn key_package(&self, newcomer: usize) -> KeyPackage {
        self.newcomers[newcomer].key_package()
    }

    /// Returns our KeyPackage for a successor of this group.
    pub(crate) fn own_bundle(&self) -> KeyPackageBundle {
        bundle(self.suite, self.names[&OWN].clone(), &*self.own.signer)
    }

    /// Returns the clients for a successor that `creator` creates. These clients are all members of
    /// this group.
    pub(crate) fn successor(&self, creator: LeafIndex) -> Successor {
        // The creator uses a separate generator for its new keys.
        let mut rng = ChaCha20Rng::seed_from_u64(99);
        let bundle = |leaf: LeafIndex, rng: &mut ChaCha20Rng| {
            let name = self.names[&leaf].clone();
            match leaf {
                OWN => self.own_bundle(),
                OTHER => bundle(self.suite, name, &*self.other.signer),
                _ => {
                    Newcomer::new(self.suite, KeyPackageTemplate { credential: name, ..template() }, rng)
                        .bundle
                }
            }
        };
        let others = self.names.keys().filter(|leaf| **leaf != creator);
        let others = others.map(|leaf| bundle(*leaf, &mut rng).key_package).collect();
        Successor::new(bundle(creator, &mut rng), others)
    }

    /// Returns the other member [`OTHER`] with its stored state.
    pub(crate) fn other(&self, encrypt_handshakes: bool) -> OtherMember<'_> {
        OtherMember::new(self, &self.other, encrypt_handshakes)
    }

    pub(crate) fn third(&self, encrypt_handshakes: bool) -> OtherMember<'_> {
        OtherMember::new(self, &self.third, encrypt_handshakes)
    }

    /// Returns the context of a client outside the group.
    pub(crate) fn outsider<'a>(&self, signer: &'a dyn Signer) -> Context<'a> {
        group_fixture::client(signer).with_policy(&Names)
    }
}

fn names(group: &GroupFixture) -> BTreeMap<LeafIndex, Credential> {
    let tree = group.tree();
    tree.members()
        .map(|leaf| leaf.map(|leaf| (leaf, tree.credential(leaf).unwrap().unwrap())).unwrap())
        .collect()
}

/// Creates a group with some of the members of another group.
pub(crate) fn branch(
    group: &Group,
    successor: Successor,
    cx: &Context<'_>,
) -> Result<Unpersisted<Created>, GroupError> {
    group.branch("branch", Extensions::default(), successor, cx, &mut rng())
}

/// A member in memory that sends messages to our member.
pub(crate) struct OtherMember<'a> {
    pub(crate) group: Group,
    pub(crate) cx: Context<'a>,
    fixture: &'a Fixture,
    rng: ChaCha20Rng,
}

impl<'a> OtherMember<'a> {
    fn new(fixture: &'a Fixture, stored: &'a Stored, encrypt_handshakes: bool) -> Self {
        let config = config(encrypt_handshakes);
        let cx = group_fixture::client(&*stored.signer).with_policy(&Names).with_config(config);
        let group = Group::load(&stored.rows, &cx).unwrap();
        // The seed depends on the leaf, because members must not have the same keys.
        let rng = ChaCha20Rng::seed_from_u64(group.own_leaf().0.into());
        Self { group, cx, fixture, rng }
    }

    pub(crate) fn propose(&mut self, proposal: Proposal) -> MlsMessage {
        self.group.propose(proposal, b"", &self.cx, &mut self.rng).unwrap().assume_persisted()
    }

    pub(crate) fn propose_update(&mut self) -> MlsMessage {
        self.group.propose_update(None, b"", &self.cx, &mut self.rng).unwrap().assume_persisted()
    }

    pub(crate) fn send(&mut self, data: &[u8]) -> MlsMessage {
        self.group.encrypt(data, &self.cx, &mut self.rng).unwrap().assume_persisted()
    }

    /// Processes proposals of other members.
    pub(crate) fn take(&mut self, messages: &[MlsMessage]) {
        for message in messages {
            let processed = self.group.process(over_the_wire(message), &self.cx).unwrap().assume_persisted();
            assert!(matches!(processed, Processed::Proposal(_)), "{processed:?}");
        }
    }

    /// Creates a Commit, which stays pending.
    pub(crate) fn commit(
        &mut self,
        fill: impl for<'b> FnOnce(&'b Fixture, CommitBuilder<'b>) -> CommitBuilder<'b>,
    ) -> MlsMessage {
        let output = fill(self.fixture, self.group.commit())
            .build(&self.cx, &mut self.rng)
            .unwrap()
            .assume_persisted();
        assert!(output.left_out.is_empty(), "{:?}", output.left_out);
        output.message
    }
}

/// Our member's group, with its rows and its store.
pub(crate) struct OurGroup {
    pub(crate) group: Group,
    /// The rows as stored after the operations so far.
    pub(crate) rows: Rows,
    pub(crate) staged: Option<Staged>,
    /// The application's rules.
    pub(crate) rules: &'static dyn GroupRules,
    config: GroupConfig,
    /// The store that the tree is read from, or `None` if the group is in memory.
    pub(crate) store: Option<Arc<Store>>,
}

impl OurGroup {
    /// Returns the group as it was stored, either in memory or opened.
    pub(crate) fn new(fixture: &Fixture, encrypt_handshakes: bool, is_opened: bool) -> Self {
        let (rows, config) = (copy(&fixture.own.rows), config(encrypt_handshakes));
        let cx = group_fixture::client(&*fixture.own.signer).with_policy(&Names).with_config(config);
        let (group, store) = load(&rows, is_opened, &cx);
        Self { group, rows, staged: None, rules: &AdmitAll, config, store }
    }

    pub(crate) fn client<'a>(&self, fixture: &'a Fixture) -> Context<'a> {
        let Self { rules, config, .. } = *self;
        group_fixture::client(&*fixture.own.signer).with_policy(&Names).with_rules(rules).with_config(config)
    }

    /// Loads the group from its stored rows again. Afterwards, no node of an opened group's tree is
    /// in memory.
    pub(crate) fn reload(&mut self, fixture: &Fixture) {
        (self.group, self.store) = load(&self.rows, self.store.is_some(), &self.client(fixture));
    }

    /// Stores the changes that failed or dropped operations have left behind.
    pub(crate) fn store_changes(&mut self) {
        self.group.take_delta().persist_to(&mut self.rows).unwrap();
    }

    pub(crate) fn apply(&mut self, delta: &Delta) {
        delta.apply(&mut self.rows).unwrap();
    }
}

fn load(rows: &Rows, is_opened: bool, cx: &Context<'_>) -> (Group, Option<Arc<Store>>) {
    if !is_opened {
        return (Group::load(rows, cx).unwrap(), None);
    }
    let store = Store::new(rows);
    (Group::open(store.clone(), cx).unwrap(), Some(store))
}
